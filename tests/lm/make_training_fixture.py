"""Writes ../fixtures/training.safetensors: two small random decoders, a packed batch, and what torch makes of them
(loss, gradients of every weight; with a PEFT adapter: loss and the adapter's gradients). Needs torch, transformers,
peft, safetensors:  python make_training_fixture.py"""
import os

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

torch.manual_seed(7)
shape = dict(vocab_size=48, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             intermediate_size=24, max_position_embeddings=64, rms_norm_eps=1e-5, initializer_range=0.3,
             attn_implementation="eager")
models = {
    "llama": LlamaForCausalLM(LlamaConfig(tie_word_embeddings=True, rope_theta=10000.0, **shape)),
    "qwen2": Qwen2ForCausalLM(Qwen2Config(tie_word_embeddings=False, rope_theta=500.0, **shape)),
}
lengths = [7, 1, 12]
tokens = [torch.randint(0, 48, (1, n)) for n in lengths]
learn = [(torch.rand(n) < 0.6).to(torch.uint8) for n in lengths]
divisor = 5.0

out = {"tokens": torch.cat([t[0] for t in tokens]).to(torch.int32), "learn": torch.cat(learn),
       "lengths": torch.tensor(lengths, dtype=torch.int32)}


def loss_of(model):
    total = torch.zeros((), dtype=torch.float64)
    for t, mask in zip(tokens, learn):
        log_p = torch.log_softmax(model(t).logits[0], -1)
        for k in range(1, t.shape[1]):
            if mask[k]:
                total = total - log_p[k - 1, t[0, k]]
    return total / divisor


def float32(tensor):
    return tensor.detach().to(torch.float32).contiguous().clone()


for name, model in models.items():
    with torch.no_grad():
        for weight_name, p in model.named_parameters():
            if weight_name.endswith("bias") or "norm" in weight_name:
                p.add_(0.2 * torch.randn_like(p))
            p.copy_(p.to(torch.float32))
    model = model.double()
    loss = loss_of(model)
    loss.backward()
    out[f"{name}.loss"] = loss.detach().reshape(1)
    for weight_name, p in model.named_parameters():
        out[f"{name}.w.{weight_name}"] = float32(p)
        out[f"{name}.g.{weight_name}"] = float32(p.grad)

peft_model = get_peft_model(models["llama"].double(), LoraConfig(
    r=2, lora_alpha=6, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM", lora_dropout=0.0))
with torch.no_grad():
    for parameter_name, p in peft_model.named_parameters():
        if "lora" in parameter_name:
            p.copy_((0.3 * torch.randn(p.shape)).to(torch.float32))
peft_model = peft_model.double()
loss = loss_of(peft_model)
loss.backward()
out["peft.loss"] = loss.detach().reshape(1)
for parameter_name, p in peft_model.named_parameters():
    if "lora" in parameter_name:
        saved = parameter_name.replace(".default", "")
        out[f"peft.w.{saved}"] = float32(p)
        out[f"peft.g.{saved}"] = float32(p.grad)

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures", "training.safetensors")
save_file(out, path)
print(path, os.path.getsize(path), "bytes")

"""Checks that `peft` loads an adapter folder, and transformers the merged model, with the log-probabilities that reclm
got, computed in float64:

    peer_lora MODEL.gguf --weights f32 --out FOLDER
    check_peft.py MODEL_DIR FOLDER

MODEL_DIR is MODEL.gguf as a Hugging Face folder. FOLDER holds adapter/ (PEFT's), merged/ (Hugging Face's) and
log_p.safetensors with "tokens" [n] (one sequence) and "log_p" [n - 1]: reclm's log p(token k + 1 | tokens ..k).
"""
import os
import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

model_dir, folder = sys.argv[1:3]
expected = load_file(os.path.join(folder, "log_p.safetensors"))
tokens = expected["tokens"].long()[None]


def open_model(path, dtype):
    return AutoModelForCausalLM.from_pretrained(path, dtype=dtype, attn_implementation="eager").eval()


def log_p(m):
    with torch.no_grad():
        z = torch.log_softmax(m(tokens).logits[0].double(), -1)
    return z[:-1].gather(1, tokens[0, 1:, None])[:, 0]


def found(dtype):
    model = open_model(model_dir, dtype)
    adapter = os.path.join(folder, "adapter")
    return {"plain": log_p(model), "adapter": log_p(PeftModel.from_pretrained(model, adapter).to(dtype)),
            "merged": log_p(open_model(os.path.join(folder, "merged"), dtype))}


exact, rounded = found(torch.float64), found(torch.float32)
mine = expected["log_p"].double().flatten()
good = True
for name in ("adapter", "merged"):
    difference, theirs = ((values - exact[name]).abs().max().item() for values in (mine, rounded[name]))
    moved = (exact[name] - exact["plain"]).abs().max().item()
    print(f"{name}: log-probabilities differ from float64's by at most {difference:.2e}, {theirs:.2e} in torch's own "
          f"float32 (training moved them by up to {moved:.2e})")
    good = good and difference < 1e-3 and moved > 10 * difference
sys.exit(not good)

"""Checks that `peft` loads an adapter folder, and transformers the merged model, with the log-probabilities that reclm got:

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


def open_model(path):
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="eager").eval()


def log_p(m):
    with torch.no_grad():
        z = torch.log_softmax(m(tokens).logits[0].double(), -1)
    return z[:-1].gather(1, tokens[0, 1:, None])[:, 0]


model = open_model(model_dir)
plain = log_p(model)
found = {"adapter": log_p(PeftModel.from_pretrained(model, os.path.join(folder, "adapter"))),
         "merged": log_p(open_model(os.path.join(folder, "merged")))}
good = True
for name, values in found.items():
    difference = (values - expected["log_p"].double().flatten()).abs().max().item()
    moved = (values - plain).abs().max().item()
    print(f"{name}: largest difference of a log-probability {difference:.2e} (training moved them by up to {moved:.2e})")
    good = good and difference < 1e-3 and moved > 10 * difference
sys.exit(not good)

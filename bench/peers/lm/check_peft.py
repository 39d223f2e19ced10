"""Checks that `peft` loads an adapter folder and gets the log-probabilities that reclm got:
    check_peft.py MODEL_DIR ADAPTER_DIR TOKENS.safetensors
The last file holds "tokens" [n] (one sequence) and "log_p" [n - 1]: reclm's log p(token k + 1 | tokens ..k)."""
import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

model_dir, adapter_dir, expected_path = sys.argv[1:4]
expected = load_file(expected_path)
tokens = expected["tokens"].long()[None]
model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32, attn_implementation="eager")


def log_p(m):
    with torch.no_grad():
        z = torch.log_softmax(m(tokens).logits[0].double(), -1)
    return z[:-1].gather(1, tokens[0, 1:, None])[:, 0]


plain = log_p(model)
adapted = log_p(PeftModel.from_pretrained(model, adapter_dir))
difference = (adapted - expected["log_p"].double().flatten()).abs().max().item()
moved = (adapted - plain).abs().max().item()
print(f"largest difference of a log-probability: {difference:.2e} (the adapter itself moves them by up to {moved:.2e})")
sys.exit(0 if difference < 1e-3 and moved > 10 * difference else 1)

"""Makes of SmolLM2's GGUF file (examples/fetch_models.sh) what inference.py and lora.py compare on:

    make_models.py MODEL.gguf OUT

OUT/F32.gguf and OUT/Q8_0.gguf, requantised by llama.cpp, and OUT/folder, a Hugging Face folder in float32.
Needs llama-cpp-python, torch, transformers, gguf, sentencepiece.
"""
import os
import sys

import llama_cpp
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

model, out = os.path.abspath(sys.argv[1]), sys.argv[2]
os.makedirs(out, exist_ok=True)
for name, kind in (("F32", llama_cpp.LLAMA_FTYPE_ALL_F32), ("Q8_0", llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0)):
    settings = llama_cpp.llama_model_quantize_default_params()
    settings.ftype, settings.allow_requantize, settings.nthread = kind, True, os.cpu_count()
    path = os.path.join(out, name + ".gguf")
    if llama_cpp.llama_model_quantize(model.encode(), path.encode(), settings) != 0:
        sys.exit(f"llama.cpp cannot write {path}")

# transformers refuses to save what it opened as GGUF, though its numbers are float32 by then: they change the model.
folder, name = os.path.split(model)
opened = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32)
config = opened.config
if hasattr(config, "quantization_config"):
    del config.quantization_config
plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
plain.load_state_dict(opened.state_dict())
plain.save_pretrained(os.path.join(out, "folder"))
AutoTokenizer.from_pretrained(folder, gguf_file=name).save_pretrained(os.path.join(out, "folder"))

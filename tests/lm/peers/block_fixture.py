"""Blocks in GGUF's formats with their numbers by GGUF's own Python package: tests/fixtures/block_formats.safetensors.

    pip install gguf safetensors numpy && python tests/lm/peers/block_fixture.py
"""
import pathlib

import gguf
import numpy as np
from safetensors.numpy import save_file

T = gguf.GGMLQuantizationType
rng = np.random.default_rng(3)
tensors = {}

# Bytes at random, scales within reason: → numbers.
for name, numbers, halves in [("Q8_0", 32, [0]), ("Q4_0", 32, [0]), ("Q4_1", 32, [0, 2]), ("Q4_K", 256, [0, 2]),
                              ("Q5_K", 256, [0, 2]), ("Q6_K", 256, [208])]:
    size = gguf.GGML_QUANT_SIZES[T[name]][1]
    blocks = rng.integers(0, 256, (2, size), dtype=np.uint8)
    for at in halves:
        blocks[:, at:at + 2] = rng.normal(0, 0.01, 2).astype(np.float16).view(np.uint8).reshape(2, 2)
    tensors[name + ".blocks"] = blocks
    tensors[name + ".numbers"] = gguf.quants.dequantize(blocks, T[name]).astype(np.float32).reshape(2, numbers)

# Numbers → bytes; zeros, a single spike and ties among them.
numbers = rng.normal(0, 1, (6, 32)).astype(np.float32)
numbers[1] = 0
numbers[2] = 0
numbers[2, 5] = -3
numbers[3] = np.arange(32) - 16
numbers[4] *= 1e-6
numbers[5] = 0.75
tensors["to.numbers"] = numbers
for name in ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1"]:
    tensors["to." + name] = gguf.quants.quantize(numbers, T[name]).view(np.uint8)

save_file(tensors, pathlib.Path(__file__).parents[2] / "fixtures" / "block_formats.safetensors")

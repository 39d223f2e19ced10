"""Ranks by enhanced models that were saved, and holds the lists against those that npy_factors wrote.

    read_enhanced.py FOLDER
"""
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

folder = Path(sys.argv[1])
for name in ("als", "bpr"):
    model = load_file(folder / f"{name}_enhanced.safetensors")
    scores = model["items"] @ model["users"][0]
    offsets = model["history.offsets"]
    scores[model["history.items"][offsets[0]:offsets[1]]] = -np.inf  # what user 0 has clicked

    items, expected = np.load(folder / f"{name}_list.npy").T
    best = np.argsort(-scores, kind="stable")[:len(items)]
    print(f"{name}: user 0's list by Python: {best.tolist()}")
    assert np.allclose(scores[best], expected, rtol=1e-4), "the file and the program rank differently"
    assert np.allclose(scores[items.astype(int)], expected, rtol=1e-4), "scores differ"

"""Trains ALS and BPR of `implicit` on clicks.npy and writes their factors beside it as .npy files.

    fit_implicit.py FOLDER [SEED]
"""
import sys
from pathlib import Path

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from scipy.sparse import csr_matrix

folder = Path(sys.argv[1])
seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
users, items = np.load(folder / "clicks.npy").astype(int).T
shape = tuple(np.load(folder / "shape.npy").astype(int)[0])
clicks = csr_matrix((np.ones(len(users), dtype=np.float32), (users, items)), shape=shape)

models = {
    "als": AlternatingLeastSquares(factors=32, alpha=10, regularization=5, iterations=10, random_state=seed, num_threads=1),
    "bpr": BayesianPersonalizedRanking(factors=32, learning_rate=0.05, iterations=100, random_state=seed, num_threads=1),
}
for name, model in models.items():
    model.fit(clicks, show_progress=False)
    # BPR's last column is the items' bias (and ones for the users): products of rows stay its scores.
    np.save(folder / f"{name}_users.npy", np.asarray(model.user_factors, dtype=np.float32))
    np.save(folder / f"{name}_items.npy", np.asarray(model.item_factors, dtype=np.float32))

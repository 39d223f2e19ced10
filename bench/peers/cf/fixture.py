"""Writes the losses and gradients that the library's backbones are tested against; README.md describes the layout.

    fixture.py [tests/fixtures/backbones.safetensors]
"""
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

from data import Dataset, history_means
from graph import CsrGraph
from models import BACKBONES, VARIANTS
from views import PhiloxDraws

USERS, ITEMS, UNSEEN, WIDTH, TEXT_WIDTH = 50, 40, 6, 8, 12
BATCH, DIVISOR = 29, 32        # fewer triples than the divisor: an epoch's last batch
SEED, STEP = 7 << 32 | 421, 3  # both halves of the key are in use
DEFAULT = Path(__file__).resolve().parents[3] / "tests/fixtures/backbones.safetensors"


def unit_rows(generator, rows):
    x = generator.normal(size=(rows, TEXT_WIDTH)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def small_world(generator):
    """A graph in which the last user has no history and the last items are unseen."""
    user, item = generator.integers(0, USERS - 1, 220), generator.integers(0, ITEMS - UNSEEN, 220)
    train = np.unique(np.stack([user, item], axis=1), axis=0)
    none = np.empty((0, 2), np.int64)
    item_profile = unit_rows(generator, ITEMS)
    return Dataset("fixture", USERS, ITEMS, train, none, none, unit_rows(generator, ITEMS), item_profile,
                   history_means(train, USERS, item_profile))


def triples(generator, train):
    """[BATCH, 3] with repeated users, positives and whole pairs."""
    known = {tuple(pair) for pair in train}
    pairs = train[generator.integers(0, len(train), BATCH)]
    pairs[-3:] = pairs[:3]
    negatives = [next(item for item in generator.permutation(ITEMS - UNSEEN) if (user, item) not in known)
                 for user, _ in pairs]
    return np.column_stack([pairs, negatives])


def in_precision(data, dtype):
    features = {name: getattr(data, name).astype(dtype) for name in ("item_text", "item_profile", "user_profile")}
    return Dataset(data.name, data.users, data.items, data.train, data.test, data.zero, **features)


def losses_and_gradients(kind, variant, data, parameters, batch, dtype):
    graph = CsrGraph.of(data.train, data.users, data.items, dtype)
    model = kind(in_precision(data, torch.empty(0, dtype=dtype).numpy().dtype), variant, WIDTH, DIVISOR, "naive", graph).to(dtype)
    model.load_state_dict(parameters)
    loss, penalty = model.loss(*torch.from_numpy(batch).unbind(dim=1), PhiloxDraws(SEED, STEP)), model.penalty()
    (loss + penalty).backward()
    gradients = {name: p.grad.numpy().astype(np.float64) for name, p in model.named_parameters()}
    return {"loss": (loss + penalty).item(), "loss.l2": penalty.item()}, gradients


def check_conditioning(case, precise, single):
    """Float32 must reach the float64 gradients, so that no sign or ReLU of the fixture hangs on rounding."""
    for name, gradient in precise.items():
        error = np.abs(single[name] - gradient).max()
        assert error < 1e-5 * np.abs(gradient).max() + 1e-8, f"{case} {name}: float32 is off by {error:.1e}"


def main(path):
    generator = np.random.default_rng(2024)
    torch.manual_seed(2024)
    data = small_world(generator)
    batch = triples(generator, data.train)
    tensors = {"pairs": data.train.astype(np.int32), "batch": batch.astype(np.int32), "item_text": data.item_text,
               "item_profile": data.item_profile, "user_profile": data.user_profile}
    for name, kind in BACKBONES.items():
        for variant in VARIANTS:
            model = kind(data, variant, WIDTH, DIVISOR)
            for parameter_name, parameter in model.named_parameters():
                if parameter_name.endswith(".bias"):
                    torch.nn.init.uniform_(parameter, -0.3, 0.3)  # zeros would hide mistakes
            parameters = model.state_dict()
            losses, gradients = losses_and_gradients(kind, variant, data, parameters, batch, torch.float64)
            case = f"{name}.{variant}"
            check_conditioning(case, gradients, losses_and_gradients(kind, variant, data, parameters, batch, torch.float32)[1])
            tensors |= {f"{case}.{what}": np.array([value]) for what, value in losses.items()}
            tensors |= {f"{case}.param.{p}": value.numpy() for p, value in parameters.items()}
            tensors |= {f"{case}.grad.{p}": value for p, value in gradients.items()}
            print(f"{case}: loss {losses['loss']:.9f}, of which L2 {losses['loss.l2']:.3e}")
    metadata = {"users": USERS, "items": ITEMS, "unseen": UNSEEN, "width": WIDTH, "divisor": DIVISOR, "seed": SEED, "step": STEP}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, path,
              {"fixture": json.dumps(metadata)})
    print(f"{path}: {len(tensors)} tensors, {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT)

"""Checks of the peer itself: Philox's known answers, tiled against naive InfoNCE, CSR against COO, ranking by hand.

    check.py
"""
import warnings

import numpy as np
import torch

import philox
from evaluation import Split, evaluate
from graph import CooGraph, CsrGraph
from infonce import naive, tiled


def gradients(function, *inputs):
    inputs = [x.detach().clone().requires_grad_() for x in inputs]
    value = function(*inputs)
    return [value.detach(), *torch.autograd.grad(value, inputs)]


def agree(what, left, right, tolerance):
    error = max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(left, right))
    assert error < tolerance, f"{what}: relative error {error:.1e}"
    print(f"{what}: relative error {error:.1e}")


def check_infonce():
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-4)):
        view1, view2 = torch.randn(2, 5000, 32, dtype=dtype)
        rows = torch.randint(700, (1000,))
        agree(f"tiled InfoNCE, {dtype}", gradients(lambda a, b: tiled(a, b, rows, 0.1), view1, view2),
              gradients(lambda a, b: naive(a, b, rows, 0.1), view1, view2), tolerance)


def check_graph():
    pairs = np.unique(np.random.default_rng(1).integers(0, [60, 40], (300, 2)), axis=0)
    coo, csr = (kind.of(pairs, 60, 40, torch.float64) for kind in (CooGraph, CsrGraph))
    x, weight = torch.randn(2, 100, 8, dtype=torch.float64)
    keep = torch.rand(len(coo.value)) < 0.5
    for what, left, right in (("whole", csr, coo), ("dropped", csr.dropped(keep, 0.5), coo.dropped(keep, 0.5))):
        agree(f"CSR product, {what}", *(gradients(lambda x: (g.multiply(x) * weight).sum(), x) for g in (left, right)), 1e-12)


class Scores:
    """Three users, five items, fixed scores."""

    matrix = torch.tensor([[5., 4, 3, 2, 1], [1, 2, 3, 4, 5], [0, 0, 0, 0, 9]])

    def final_vectors(self):
        return self.matrix, torch.eye(5)

    def score_matrix(self, users, user_rows, items):
        return users @ items.T


def check_ranking():
    test, train = np.array([[0, 1], [0, 3], [1, 4]]), np.array([[0, 1], [1, 3], [2, 4], [1, 0]])
    found = evaluate(Scores(), Split(test), cutoffs=(1, 2))
    expected = {"recall@1": .75, "ndcg@1": 1, "recall@2": 1, "ndcg@2": 1}  # candidates 1, 3, 4
    assert all(abs(found[name] - value) < 1e-12 for name, value in expected.items()), found
    found = evaluate(Scores(), Split(test, masked=train), cutoffs=(1, 2))
    half = (1 / (1 + 1 / np.log2(3)) + 1) / 2  # user 0's target 1 is masked, 3 comes first
    expected = {"recall@1": .75, "ndcg@1": 1, "recall@2": .75, "ndcg@2": half}
    assert all(abs(found[name] - value) < 1e-12 for name, value in expected.items()), found
    print("ranking: by hand")


if __name__ == "__main__":
    warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
    torch.manual_seed(0)
    philox.check()
    print("philox: known answers")
    check_infonce()
    check_graph()
    check_ranking()

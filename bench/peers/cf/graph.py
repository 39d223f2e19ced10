"""Â = D^-1/2 (A + I) D^-1/2 over users then items, and its product with node vectors.

Entries are numbered by their position in CSR: rows in node order, columns ascending, the self loop included.
"""
import numpy as np
import torch


def normalized_entries(pairs, users, items):
    """(row, column, value) of Â in CSR order; value float64."""
    nodes = users + items
    user, item = pairs[:, 0], pairs[:, 1] + users
    loop = np.arange(nodes)
    row, column = np.concatenate([user, item, loop]), np.concatenate([item, user, loop])
    order = np.lexsort((column, row))
    row, column = row[order], column[order]
    scale = 1 / np.sqrt(np.bincount(row, minlength=nodes))
    return row, column, scale[row] * scale[column]


class CooGraph:
    """torch.sparse COO, differentiated by torch itself."""

    def __init__(self, index, value, nodes):
        self.index, self.value, self.nodes = index, value, nodes
        self.matrix = torch.sparse_coo_tensor(index, value, (nodes, nodes), is_coalesced=True, check_invariants=False)

    @classmethod
    def of(cls, pairs, users, items, dtype):
        row, column, value = normalized_entries(pairs, users, items)
        return cls(torch.from_numpy(np.stack([row, column])), torch.from_numpy(value).to(dtype), users + items)

    def dropped(self, keep, probability):
        return CooGraph(self.index[:, keep], self.value[keep] / probability, self.nodes)

    def multiply(self, x):
        return torch.sparse.mm(self.matrix, x)


class Multiply(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, matrix, transposed):
        ctx.transposed = transposed
        return matrix @ x

    @staticmethod
    def backward(ctx, gradient):
        return ctx.transposed @ gradient, None, None


class CsrGraph:
    """CSR with 32-bit indices. Â is symmetric, so backward multiplies by it again; a view with dropped entries
    keeps the pattern of Â, and its transpose is that pattern with the values of the mirrored entries."""

    def __init__(self, starts, column, value, mirrored):
        self.starts, self.column, self.value, self.mirrored = starts, column, value, mirrored
        self.matrix = self.with_values(value)
        self.transposed = self.matrix

    @classmethod
    def of(cls, pairs, users, items, dtype):
        row, column, value = normalized_entries(pairs, users, items)
        starts = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=users + items))])
        mirrored = np.lexsort((row, column))  # position of (column, row) for each entry (row, column)
        return cls(*(torch.from_numpy(a.astype(np.int32)) for a in (starts, column)),
                   torch.from_numpy(value).to(dtype), torch.from_numpy(mirrored))

    def with_values(self, value):
        nodes = self.starts.numel() - 1
        return torch.sparse_csr_tensor(self.starts, self.column, value, (nodes, nodes), check_invariants=False)

    def dropped(self, keep, probability):
        view = object.__new__(CsrGraph)
        value = self.value * keep / probability
        view.matrix, view.transposed = self.with_values(value), self.with_values(value[self.mirrored])
        return view

    def multiply(self, x):
        return Multiply.apply(x, self.matrix, self.transposed)


GRAPHS = {"coo": CooGraph, "csr": CsrGraph}

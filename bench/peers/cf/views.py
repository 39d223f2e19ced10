"""Where the random numbers of the contrastive views come from."""
import numpy as np
import torch

import philox


class TorchDraws:
    """torch's own generator: what training uses."""

    def edges(self, view, count):
        return torch.rand(count)

    def noise(self, view, layer, shape, dtype):
        return torch.rand(shape, dtype=dtype)


class PhiloxDraws:
    """The library's counter-based numbers: what the fixture uses, so that masks and noise are equal bit for bit."""

    def __init__(self, seed, step, layers=2):
        self.seed, self.step, self.layers = seed, step, layers

    def uniform(self, stream, start, count):
        return torch.from_numpy(philox.uniform(self.seed, stream, self.step, start, count))

    def edges(self, view, count):
        return self.uniform(philox.EDGE_DROP, view * count, count)

    def noise(self, view, layer, shape, dtype):
        count = int(np.prod(shape))
        return self.uniform(philox.VIEW_NOISE, (view * self.layers + layer) * count, count).reshape(shape).to(dtype)

"""InfoNCE between two views, summed over the rows of a batch against all rows of the second view."""
import torch
from torch.nn.functional import normalize


def naive(view1, view2, rows, tau):
    """As it is usually written: the whole [batch, nodes] matrix, differentiated by torch."""
    z1, z2 = normalize(view1[rows], eps=1e-12), normalize(view2, eps=1e-12)
    return (torch.logsumexp(z1 @ z2.T / tau, dim=1) - (z1 * z2[rows]).sum(dim=1) / tau).sum()


class WeightedLogSumExp(torch.autograd.Function):
    """sum_b weight_b log sum_j exp(a_b . z_j), gradients included, a block of rows at a time.

    Each tile of exponentials is made once and serves the sum and both gradients. Exponents must stay well below
    88: here rows have unit length and tau is at least 0.02, so no maximum has to be subtracted.
    """

    ROWS, COLUMNS = 256, 2048  # fastest of 16..1024 x 512..all on one Zen 4 core, 57,128 nodes, width 32

    @staticmethod
    def forward(ctx, a, z, weight):
        cls = WeightedLogSumExp
        grad_a, grad_z = torch.zeros_like(a), torch.zeros_like(z)
        pieces = list(zip(z.split(cls.COLUMNS), grad_z.split(cls.COLUMNS)))
        memory = [a.new_empty(min(cls.ROWS, len(a)), len(piece)) for piece, _ in pieces]
        total = a.new_zeros(())
        for block, grad_block, block_weight in zip(*(x.split(cls.ROWS) for x in (a, grad_a, weight))):
            tiles = [tile[:len(block)] for tile in memory]
            sums = torch.zeros_like(block_weight)
            for tile, (piece, _) in zip(tiles, pieces):
                torch.mm(block, piece.T, out=tile).exp_()
                sums += tile.sum(dim=1)
                grad_block.addmm_(tile, piece)
            total += (block_weight * sums.log()).sum()
            scale = (block_weight / sums)[:, None]
            grad_block *= scale
            scaled = block * scale
            for tile, (_, grad_piece) in zip(tiles, pieces):
                grad_piece.addmm_(tile.T, scaled)
        ctx.save_for_backward(grad_a, grad_z)
        return total

    @staticmethod
    def backward(ctx, gradient):
        grad_a, grad_z = ctx.saved_tensors
        return gradient * grad_a, gradient * grad_z, None


def tiled(view1, view2, rows, tau):
    """The same value and gradients one block of rows at a time; repeated rows are computed once."""
    assert tau >= 0.02, "tiled InfoNCE subtracts no maximum and needs tau >= 0.02"
    rows, counts = torch.unique(rows, return_counts=True)
    weight = counts.to(view1.dtype)
    z1, z2 = normalize(view1[rows], eps=1e-12) / tau, normalize(view2, eps=1e-12)
    return WeightedLogSumExp.apply(z1, z2, weight) - (weight * (z1 * z2[rows]).sum(dim=1)).sum()


INFONCE = {"naive": naive, "tiled": tiled}

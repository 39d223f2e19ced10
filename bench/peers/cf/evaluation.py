"""Full-ranking Recall@K and NDCG@K over a split's candidate items."""
import numpy as np
import torch

CHUNK = 2048


class Split:
    """Users with targets, the candidate items (distinct items of the split's file), and what is masked."""

    def __init__(self, pairs, masked=None):
        self.candidates = np.unique(pairs[:, 1])
        self.user_rows, self.counts = np.unique(pairs[:, 0], return_counts=True)
        self.targets = self.cells(pairs)
        self.masked = self.cells(masked) if masked is not None else np.empty(0, np.int64)

    def cells(self, pairs):
        """Sorted positions of (user, item) pairs in the [users with targets, candidates] matrix."""
        user, item = np.searchsorted(self.user_rows, pairs[:, 0]), np.searchsorted(self.candidates, pairs[:, 1])
        inside = (user < len(self.user_rows)) & (item < len(self.candidates))
        user, item, pairs = user[inside], item[inside], pairs[inside]
        same = (self.user_rows[user] == pairs[:, 0]) & (self.candidates[item] == pairs[:, 1])
        return np.sort(user[same] * len(self.candidates) + item[same])


def top_positions(model, split, k):
    """[users with targets, k] positions in the candidate list, best first."""
    users, items = model.final_vectors()
    items = items[torch.from_numpy(split.candidates)].contiguous()
    top = []
    for begin in range(0, len(split.user_rows), CHUNK):
        rows = torch.from_numpy(split.user_rows[begin:begin + CHUNK])
        scores = model.score_matrix(users[rows], rows, items)
        low, high = begin * len(split.candidates), (begin + len(rows)) * len(split.candidates)
        hidden = split.masked[np.searchsorted(split.masked, low):np.searchsorted(split.masked, high)] - low
        scores.view(-1)[torch.from_numpy(hidden)] = -torch.inf
        top.append(scores.topk(min(k, scores.shape[1]), dim=1).indices)
    return torch.cat(top).numpy()


def contains(sorted_values, values):
    place = np.minimum(np.searchsorted(sorted_values, values), len(sorted_values) - 1)
    return sorted_values[place] == values


@torch.no_grad()
def evaluate(model, split, cutoffs=(20, 40)):
    """{"recall@20": ..., "ndcg@20": ..., ...}: means over the users with targets."""
    top = top_positions(model, split, max(cutoffs))
    hits = contains(split.targets, np.arange(len(top))[:, None] * len(split.candidates) + top)
    gains = 1 / np.log2(np.arange(2, max(cutoffs) + 2))
    ideal = np.concatenate([[0], np.cumsum(gains)])
    result = {}
    for k in cutoffs:
        result[f"recall@{k}"] = float((hits[:, :k].sum(axis=1) / split.counts).mean())
        found = (hits[:, :k] * gains[:min(k, hits.shape[1])]).sum(axis=1)
        result[f"ndcg@{k}"] = float((found / ideal[np.minimum(split.counts, k)]).mean())
    return result


def settings(data):
    """full: train items masked; zero: only items never seen in training."""
    return {"full": Split(data.test, masked=data.train), "zero": Split(data.zero)}

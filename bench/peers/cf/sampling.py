"""Batches of (user, positive, negative): shuffled train pairs, one uniform negative each."""
import torch


class Sampler:
    """Negatives come from the items with at least one train interaction, never a train positive of the user."""

    def __init__(self, train, items, batch):
        self.user, self.positive = torch.from_numpy(train).unbind(dim=1)
        self.items, self.batch = items, batch
        self.known = (self.user * items + self.positive).sort().values
        self.seen = self.positive.unique()

    def is_known(self, user, item):
        cell = user * self.items + item
        place = torch.searchsorted(self.known, cell).clamp_(max=len(self.known) - 1)
        return self.known[place] == cell

    def negatives(self, user):
        negative = self.seen[torch.randint(len(self.seen), user.shape)]
        while len(clash := self.is_known(user, negative).nonzero()[:, 0]):
            negative[clash] = self.seen[torch.randint(len(self.seen), clash.shape)]
        return negative

    def epoch(self):
        order = torch.randperm(len(self.user))
        user, positive = self.user[order], self.positive[order]
        return zip(*(column.split(self.batch) for column in (user, positive, self.negatives(user))))

"""The five backbones, each with items' text only (base), with an item table (id), or with profiles (reclm).

Parameters carry the names of the library's checkpoints.
"""
import torch
from torch import nn
from torch.nn.functional import embedding, linear, normalize, softplus

from infonce import INFONCE

VARIANTS = "base", "id", "reclm"


class Mlp(nn.ModuleList):
    """[n, inputs] -> [n, width]: linear, ReLU, linear."""

    def __init__(self, inputs, width):
        super().__init__([nn.Linear(inputs, width), nn.Linear(width, width)])

    def forward(self, x):
        return self[1](torch.relu(self[0](x)))


class Backbone(nn.Module):
    """Initial vectors of users and items, and the pairwise loss over their scores."""

    l2 = 1e-7
    every_user = False  # whether a batch sends all users through the heads, as public code does, or its own alone

    def __init__(self, data, variant="base", width=32, divisor=4096, infonce="naive", graph=None):
        super().__init__()
        self.variant, self.divisor, self.info_nce, self.graph = variant, divisor, INFONCE[infonce], graph
        self.register_buffer("item_text", torch.as_tensor(data.item_text), persistent=False)
        text_width = self.item_text.shape[1]
        self.user = nn.ParameterDict({"id": torch.empty(data.users, width)})
        if variant == "id":
            self.item = nn.ParameterDict({"id": torch.empty(data.items, width)})
        else:
            self.text_head = Mlp(text_width, width)
        if variant == "reclm":
            for name in ("item_profile", "user_profile"):
                self.register_buffer(name, torch.as_tensor(getattr(data, name)), persistent=False)
            self.profile_head = Mlp(text_width, width)
            self.fusion = nn.Linear(2 * width, width)
        self.add_parameters(data, width)
        self.initialise()

    def add_parameters(self, data, width):
        """Hook for what only one backbone has."""

    def initialise(self):
        for name, parameter in self.named_parameters():
            nn.init.zeros_(parameter) if name.endswith("bias") else nn.init.xavier_uniform_(parameter)

    def user_vectors(self, rows=None):
        """All users, or only the given ones."""
        if self.every_user and rows is not None:
            return embedding(rows, self.user_vectors())

        def take(table):
            return table if rows is None else embedding(rows, table)

        ids = take(self.user["id"])
        if self.variant != "reclm":
            return ids
        profiles = normalize(self.profile_head(take(self.user_profile)), eps=1e-12)
        return torch.relu(self.fusion(torch.cat([ids, profiles], dim=1)))

    def item_vectors(self):
        if self.variant == "id":
            return self.item["id"]
        text = self.text_head(self.item_text)
        if self.variant == "base":
            return normalize(text, eps=1e-12)
        profiles = self.profile_head(self.item_profile)
        return normalize(torch.relu(self.fusion(torch.cat([text, profiles], dim=1))), eps=1e-12)

    def ranking_loss(self, positive, negative):
        return softplus(negative - positive).sum() / self.divisor

    def score(self, users, user_rows, items):
        return (users * items).sum(dim=1)

    def loss(self, user, positive, negative, draws):
        """Loss of one batch without the L2 term."""
        users, items = self.user_vectors(user), self.item_vectors()
        return self.ranking_loss(self.score(users, user, embedding(positive, items)),
                                 self.score(users, user, embedding(negative, items)))

    def penalty(self):
        return self.l2 * sum(parameter.square().sum() for parameter in self.parameters())

    def final_vectors(self):
        """Vectors that enter the scores: [users, width], [items, width]."""
        return self.user_vectors(), self.item_vectors()

    def score_matrix(self, users, user_rows, items):
        """Scores of every given user with every given item."""
        return users @ items.T


class BiasMF(Backbone):
    def add_parameters(self, data, width):
        self.biasmf = nn.ParameterDict({"user_bias": torch.empty(data.users, 1)})

    def initialise(self):
        super().initialise()
        tables = [self.user["id"], self.biasmf["user_bias"]] + ([self.item["id"]] if self.variant == "id" else [])
        for table in tables:
            nn.init.uniform_(table)

    def score(self, users, user_rows, items):
        return super().score(users, user_rows, items) + embedding(user_rows, self.biasmf["user_bias"])[:, 0]

    def score_matrix(self, users, user_rows, items):
        return super().score_matrix(users, user_rows, items) + self.biasmf["user_bias"][user_rows]


class NCF(Backbone):
    def add_parameters(self, data, width):
        self.ncf = nn.ParameterDict({"product": torch.empty(1, width)})
        self.ncf.hidden = nn.Linear(2 * width, width)

    def score(self, users, user_rows, items):
        hidden = torch.relu(self.ncf.hidden(torch.cat([users, items], dim=1)))
        return linear(users * items, self.ncf["product"])[:, 0] + hidden.sum(dim=1)

    def score_matrix(self, users, user_rows, items):
        scores = (users * self.ncf["product"]) @ items.T
        of_user, of_item = self.ncf.hidden.weight.chunk(2, dim=1)
        left, right = linear(users, of_user, self.ncf.hidden.bias), linear(items, of_item)
        for k in range(left.shape[1]):
            scores += torch.relu(left[:, k, None] + right[None, :, k])
        return scores


class LightGCN(Backbone):
    layers = 2

    def initial(self):
        return torch.cat([self.user_vectors(), self.item_vectors()])

    def layer_sum(self, x, step):
        """x + the vectors after each layer; step(layer, x) makes the next layer's."""
        total = x
        for layer in range(self.layers):
            x = step(layer, x)
            total = total + x
        return total

    def propagate(self, initial):
        return self.layer_sum(initial, lambda layer, x: self.graph.multiply(x))

    def loss(self, user, positive, negative, draws):
        initial = self.initial()
        return self.graph_loss(initial, user, positive, negative)

    def graph_loss(self, initial, user, positive, negative):
        users = embedding(user, self.propagate(initial))
        items = initial[len(self.user["id"]):]
        return self.ranking_loss(self.score(users, user, embedding(positive, items)),
                                 self.score(users, user, embedding(negative, items)))

    def final_vectors(self):
        initial = self.initial()
        users = len(self.user["id"])
        return self.propagate(initial)[:users], initial[users:]


class Contrastive(LightGCN):
    """LightGCN with InfoNCE between two views of the graph."""

    l2 = 1e-5
    contrast = 1e-2
    tau = 0.1

    def view(self, initial, number, draws):
        raise NotImplementedError

    def loss(self, user, positive, negative, draws):
        initial = self.initial()
        views = [self.view(initial, number, draws) for number in (0, 1)]
        users = len(self.user["id"])
        (users1, items1), (users2, items2) = (view.split([users, len(view) - users]) for view in views)
        agreement = self.info_nce(users1, users2, user, self.tau) + self.info_nce(items1, items2, positive, self.tau)
        return self.graph_loss(initial, user, positive, negative) + self.contrast * agreement / self.divisor


class SGL(Contrastive):
    keep = 0.5

    def view(self, initial, number, draws):
        graph = self.graph.dropped(draws.edges(number, len(self.graph.value)) < self.keep, self.keep)
        return self.layer_sum(initial, lambda layer, x: graph.multiply(x))


class SimGCL(Contrastive):
    noise = 0.9

    def view(self, initial, number, draws):
        def step(layer, x):
            x = self.graph.multiply(x)
            drawn = draws.noise(number, layer, x.shape, x.dtype)
            return x + self.noise * normalize(drawn, eps=1e-12) * x.detach().sign()

        return self.layer_sum(initial, step)


BACKBONES = {"biasmf": BiasMF, "ncf": NCF, "lightgcn": LightGCN, "sgl": SGL, "simgcl": SimGCL}

"""Recall@20 on MIND as others report it: (base, reclm), full-shot and zero-shot.

PAPER: the table of arXiv 2412.19302, the epoch with the best test Recall@20.
PUBLIC_CODE: the public RecLM code run by us on the same split (one seed, MiniLM features, history means as user
profiles), after epoch 50; None where it was not run that far.
"""

PAPER = {
    "biasmf": {"full": (.0683, .0719), "zero": (.0096, .0246)},
    "ncf": {"full": (.0713, .0760), "zero": (.0301, .0424)},
    "lightgcn": {"full": (.0389, .0788), "zero": (.0138, .0196)},
    "sgl": {"full": (.0345, .0732), "zero": (.0162, .0254)},
    "simgcl": {"full": (.0421, .0576), "zero": (.0164, .0312)},
}

PUBLIC_CODE = {
    "biasmf": {"full": (.0670, .0542), "zero": (.0162, .0100)},
    "ncf": {"full": (.0484, .0485), "zero": (.0097, .0243)},
    "lightgcn": {"full": (.0250, .0293), "zero": (.0056, .0079)},
    "sgl": {"full": (None, None), "zero": (None, None)},
    "simgcl": {"full": (None, None), "zero": (None, None)},
}

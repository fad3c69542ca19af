"""How the weights of `knowledge.qspr.models.pretrained` are made: corpus, targets, training. Scripts, which print.

Everything is kept in the cache folder under training/property; `python -m knowledge.qspr.pretraining.all` is the entry.
"""

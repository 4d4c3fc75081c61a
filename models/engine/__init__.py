"""Samples from a model: many sequences at a time, reproducibly.

Knows the model, not its files: it imports nothing of `checkpoint`, `hub` or `pretrained`.
Needs torch only in the files that compute; `dialogue`, `options`, `pages`, `scheduler` do without.
"""

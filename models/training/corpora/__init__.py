"""Generators of the training corpora, a pure function of a seed. No torch.

Know nothing of the model, nor of the suites but the digests of what must not occur (`heldout.txt`).
"""

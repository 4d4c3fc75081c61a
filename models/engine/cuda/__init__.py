"""The engine's work on a GPU: the attention kernel, and steps captured as CUDA graphs.

Knows rows and pages; not requests, sampling or the loop. Needs Triton; imported only for a GPU.
"""

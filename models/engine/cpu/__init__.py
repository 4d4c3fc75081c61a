"""The engine's work on a CPU: products of packed weights, attention over the paged KV cache.

Knows rows and pages; not requests, sampling or the loop.
"""

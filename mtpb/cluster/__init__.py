"""Samplers and sandboxes on many machines, through Ray.

The only room that imports Ray. Must not know what is asked or how it is judged.
"""

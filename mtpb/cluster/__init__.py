"""Samplers and sandboxes on many machines, through Ray.

The only room that imports Ray, in one module. Must not know what is asked or how it is judged.
"""

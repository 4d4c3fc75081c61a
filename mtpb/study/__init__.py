"""A sweep of runs over models, suites, temperatures and formats, then their report.

Must not import torch or a model: each run is a process of its own.
"""

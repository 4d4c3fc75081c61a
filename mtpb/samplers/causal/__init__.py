"""Causal language models that transformers loads, in this process.

Must not run code from a model's repository unless `trust_remote_code` names it.
"""

"""Suites that are made of the published content of another one, and the data of ours for them.

Must not know where the content comes from, nor how programs are run.
"""

"""Trains the embedded family: `python -m models.training --help`.

Imports `models`; nothing imports it. Knows nothing of the suites that the models are judged on.
"""

"""Checks of the machine, the suites and the model, before a run and for `mtpb.doctor`.

Must not know reports and comparisons, and writes no run directory.
"""

"""Two runs side by side: are they comparable, what changed, is the change significant.

Must not know how runs are made. A run is read from a run directory or from a saved baseline.
"""

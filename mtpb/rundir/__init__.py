"""The run directory: its records, its manifest, and everything that reads or writes its files.

Must not know how samples are generated and judged, or how figures are computed and shown.
"""

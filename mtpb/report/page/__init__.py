"""The HTML report, one file: `write` lays it out, `data` packs what its script shows.

Must not know how figures are computed: it gets tables and drawings.
"""

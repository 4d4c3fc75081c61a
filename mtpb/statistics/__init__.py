"""Figures from verdicts: pass rates, pass@k, their intervals, and tests of significance.

Must not know where verdicts come from or how figures are shown: arrays in, arrays out.
"""

"""Formats of other tools that runs are written in."""

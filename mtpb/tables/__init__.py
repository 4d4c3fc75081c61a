"""Tables as data, and how they are written for terminals, documents and programs.

Must not know what the figures are of, nor any other room of the package.
"""

from mtpb.tables.cells import (
    MARK,
    Cell,
    Column,
    Estimate,
    Kind,
    Partial,
    Plain,
    marked,
    partial,
    plain,
)
from mtpb.tables.documents import latex_document
from mtpb.tables.table import Table
from mtpb.tables.text import clean

__all__ = [
    "MARK",
    "Cell",
    "Column",
    "Estimate",
    "Kind",
    "Partial",
    "Plain",
    "Table",
    "clean",
    "latex_document",
    "marked",
    "partial",
    "plain",
]

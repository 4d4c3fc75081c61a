"""Tables for documents: Markdown, and LaTeX with booktabs. Every text is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mtpb.tables.cells import Column, Kind, Written, column_groups
from mtpb.tables.text import clean


def markdown(
    title: str, columns: Sequence[Column], rows: Sequence[Sequence[Written]], notes: Sequence[str]
) -> str:
    """A heading, the table, and a paragraph for each note."""
    head = [_markdown(f"{column.group} {column.label}".strip()) for column in columns]
    marks = ["---" if column.kind is Kind.text else "---:" for column in columns]
    body = [[_markdown(f"{cell}") for cell in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in (head, marks, *body)]
    below = "".join(f"\n{_markdown(note)}\n" for note in notes)
    return f"### {_markdown(title)}\n\n" + "\n".join(lines) + "\n" + below


def _markdown(text: str) -> str:
    text = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_|\[\]~#])", r"\\\1", text)


def latex(
    name: str, caption: str, columns: Sequence[Column], rows: Sequence[Sequence[Written]]
) -> str:
    """A `table` environment. One that is wider than the line is shrunk to it."""
    head = " & ".join(_tex(column.label) for column in columns)
    body = "\n".join(" & ".join(map(_tex_cell, row)) + r" \\" for row in rows)
    alignment = "".join("l" if column.kind is Kind.text else "r" for column in columns)
    tabular = (
        f"\\begin{{tabular}}{{@{{}}{alignment}@{{}}}}\n\\toprule\n"
        f"{_tex_groups(columns)}{head} \\\\\n\\midrule\n"
        f"{body}\n\\bottomrule\n\\end{{tabular}}"
    )
    width = r"\ifdim\width>\linewidth\linewidth\else\width\fi"
    fitted = f"\\resizebox{{{width}}}{{!}}{{%\n{tabular}}}"
    return (
        f"\\begin{{table}}[htbp]\n\\centering\n\\caption{{{_tex(caption)}}}\n"
        f"\\label{{tab:{re.sub('[^a-z0-9-]+', '-', name.lower())}}}\n"
        f"\\smallskip\n{fitted}\n\\end{{table}}\n"
    )


def _tex_groups(columns: Sequence[Column]) -> str:
    """The line of group headings above the columns' own, with a rule below each."""
    if not any(column.group for column in columns):
        return ""
    cells, rules = [], []
    for group, members in column_groups(columns):
        if not group:
            cells.append("")
            continue
        cells.append(f"\\multicolumn{{{len(members)}}}{{c}}{{{_tex(group)}}}")
        rules.append(f"\\cmidrule(lr){{{members[0] + 1}-{members[-1] + 1}}}")
    return " & ".join(cells) + " \\\\\n" + "".join(rules) + "\n"


def _tex_cell(cell: Written) -> str:
    interval = f" {{\\scriptsize {_tex(cell.interval)}}}" if cell.ends else ""
    return _tex(cell.marked) + interval


_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "–": "--",
    "×": r"$\times$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "†": r"\textdagger{}",
    "[": "{[}",  # after a line's end a bare bracket would be read as an optional argument
    "]": "{]}",
    **{c: "\\" + c for c in "&%$#_"},
}


def _tex(text: str) -> str:
    """Text escaped for LaTeX; characters beyond Latin-1, which may lack a glyph, as U+ numbers."""
    return "".join(_TEX.get(c) or (c if ord(c) < 0x100 else f"U+{ord(c):04X}") for c in clean(text))


def latex_document(names: Iterable[str]) -> str:
    """A document that shows the tables of these names; its preamble has the packages they need."""
    inputs = "\n".join(rf"\input{{{name}.tex}}" for name in names)
    return (
        "\\documentclass{article}\n\\usepackage[T1]{fontenc}\n\\usepackage[utf8]{inputenc}\n"
        "\\usepackage{textcomp}\n\\usepackage{booktabs}\n\\usepackage{graphicx}\n"
        "\\usepackage[margin=2cm]{geometry}\n\\extrafloats{100}\n"
        f"\\begin{{document}}\n{inputs}\n\\end{{document}}\n"
    )

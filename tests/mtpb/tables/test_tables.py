"""Tables: every form says the same, and no content breaks a form."""

import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtpb.tables import Column, Estimate, Kind, Table, clean, latex_document

HOSTILE = (
    "a|b",
    "x & y % $ # _ { } ~ ^ \\",
    "<script>alert(1)</script>",
    "\x1b[31mred\x1b[0m",
    "two\nlines",
    "[1] & \\\\",
    "日本語 ü ʤ é 🙂 \ud800",
    "**bold** `code` [link](x)",
    "`input'{\\input{/etc/passwd}}",
)


def table(*names: str) -> Table:
    columns = (
        Column("name", "name"),
        Column("rate", "rate", Kind.rate, "strict"),
        Column("gain", "gain", Kind.difference, "strict"),
        Column("samples", "samples", Kind.count),
    )
    rows = tuple(
        (name, Estimate(i / 16, i / 20, i / 10), -i / 10, 1000 * i) for i, name in enumerate(names)
    )
    return Table("t", "A title", columns, rows, ("A note.",))


def test_text_aligns_figures_and_intervals() -> None:
    rule = "─" * 39
    assert table("a", "bb", "c").text().splitlines() == [
        "A title",
        rule,
        "      strict",
        "name               rate   gain  samples",
        rule,
        "a      0.0 [ 0.0,  0.0]   +0.0        0",
        "bb     6.2 [ 5.0, 10.0]  −10.0    1,000",
        "c     12.5 [10.0, 20.0]  −20.0    2,000",
        rule,
        "A note.",
    ]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(), max_size=5))
def test_text_has_one_line_a_row_whatever_the_names(names: list[str]) -> None:
    lines = table(*names).text().split("\n")
    assert len(lines) == len(names) + 7
    assert all(line.isprintable() for line in lines)


def test_wide_letters_keep_the_terminal_aligned() -> None:
    wide, narrow = table("日本", "abcd").text().split("\n")[5:7]
    assert wide.index("0.0") + 2 == narrow.index("6.2")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(), max_size=5))
def test_json_and_csv_keep_full_precision(names: list[str]) -> None:
    rows = json.loads(table(*names).json())["rows"]
    assert [row["name"] for row in rows] == names
    parsed = list(csv.DictReader(io.StringIO(table("x", *names).csv(), newline="")))
    assert [row["name"] for row in parsed[1:]] == [clean(name) for name in names]
    assert [float(row["rate_high"]) for row in parsed] == [i / 10 for i in range(len(parsed))]


def test_csv_gives_intervals_columns_of_their_own() -> None:
    assert table("a").csv().splitlines()[0] == "name,rate,rate_low,rate_high,gain,samples"


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_rows_keep_their_cells(name: str) -> None:
    head, marks, row = table(name).markdown().splitlines()[2:5]
    cells = [len(re.findall(r"(?<!\\)\|", line)) for line in (head, marks, row)]
    assert cells == [5, 5, 5]
    assert "<script" not in row


def test_a_heading_wider_than_its_columns_widens_them() -> None:
    columns = (Column("a", "a", Kind.count, "a long heading"), Column("b", "b", Kind.count))
    lines = Table("t", "T", columns, ((1, 2),)).text().split("\n")
    assert lines[2:4] == ["a long heading", " " * 13 + "a  b"]
    assert lines[5] == " " * 13 + "1  2"


def test_what_is_not_known_is_a_dash() -> None:
    empty = Table("t", "T", (Column("a", "a", Kind.rate),), ((Estimate(None),), (None,)))
    assert empty.markdown().count("| – |") == 2
    assert empty.csv() == "a,a_low,a_high\n,,\n,,\n"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on this machine")
def test_latex_compiles_with_hostile_names(tmp_path: Path) -> None:
    wide = Table(
        "wide",
        " ".join(HOSTILE),
        tuple(Column(str(i), HOSTILE[i % 9], group="g%" * (i > 3)) for i in range(12)),
        (HOSTILE + HOSTILE[:3],),
    )
    for name, content in (table(*HOSTILE).files() | wide.files()).items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "tables.tex").write_text(latex_document(["t", "wide"]))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-3000:]
    assert (tmp_path / "tables.pdf").stat().st_size > 10_000

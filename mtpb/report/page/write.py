"""The HTML report: one file that works from disk, without a server or a network.

The overview is plain HTML. Problems and conversations are data, packed (deflate, base 85) into
inert script elements, one for each problem; the page's script unpacks a problem when it is opened.
Completions are untrusted: the template escapes text, the script creates text nodes only, and the
content security policy allows no other script and no connection.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pygments.styles import get_style_by_name
from pygments.token import string_to_tokentype

from mtpb.report.config import PageLimits
from mtpb.report.figures import Figure
from mtpb.report.page.data import chunks, index, pack, samples_a_problem, verdict_counts
from mtpb.report.runs import SuiteRuns
from mtpb.rundir.store import write_whole
from mtpb.tables import Kind, Table, clean

_HERE = Path(__file__).parent
_PALETTE = {
    "k": "Keyword",
    "s": "Literal.String",
    "c": "Comment.Single",
    "m": "Literal.Number",
    "nb": "Name.Builtin",
    "nf": "Name.Function",
    "nd": "Name.Decorator",
}
_DARK = {
    "paper": "#14171c",
    "soft": "#1d2127",
    "line": "#343a44",
    "ink": "#e3e6ea",
    "muted": "#9aa3af",
    "link": "#6cb2f5",
    "pass": "#4aa3df",
    "fail": "#f08a4b",
    "mark": "#3a2416",
    "shade": "rgb(0 0 0 / 70%)",
}


def write_page(
    suites: Sequence[SuiteRuns],
    tables: Sequence[Table],
    figures: Sequence[Figure],
    output: Path,
    limits: PageLimits,
) -> str:
    """Writes the page. Returns a sentence about what the limits left out, "" if nothing."""
    sections = _sections(suites, tables, figures)
    room = int(limits.megabytes * 1e6) - len(_html(suites, sections, 0, {}).encode())
    embedded, data = _fitting(suites, samples_a_problem(suites, limits.samples), room)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_whole(output, [_html(suites, sections, embedded, data)])
    return omission(suites, embedded)


def _html(
    suites: Sequence[SuiteRuns],
    sections: Sequence[Mapping[str, Any]],
    embedded: int,
    data: Mapping[str, str],
) -> str:
    """The whole page; `embedded` samples of each run and problem are in the data."""
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    packed = {**data, "index": pack(index(suites, embedded))}
    html: str = (
        _environment()
        .get_template("page.html")
        .render(
            css=_markup(_css()),
            script=_markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            facts=_facts(suites),
            omission=omission(suites, embedded),
            sections=sections,
            data=[(id, _markup(letters)) for id, letters in packed.items()],
        )
    )
    return html


def _fitting(suites: Sequence[SuiteRuns], embedded: int, room: int) -> tuple[int, dict[str, str]]:
    """Packs the first conversations of each run and problem, at most `embedded`, fewer if they
    exceed `room` bytes. Returns their number for each run and problem, and the data."""
    packable = dict(chunks(suites, embedded))
    while True:
        data = {id: pack(chunk.to_json(embedded)) for id, chunk in packable.items()}
        size = sum(map(len, data.values()))
        if size <= room or not embedded:
            return embedded, data
        embedded = max(0, min(embedded - 1, embedded * room // size))


def _environment() -> Environment:
    loader = FileSystemLoader(_HERE)
    return Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _markup(trusted: str) -> Markup:
    """Exempts text from escaping: the page's own files, matplotlib's drawings, packed data."""
    return Markup(trusted)


def _css() -> str:
    """The style sheet with the syntax colours of a light and a dark Pygments style."""
    light, dark = _colours("xcode"), _colours("github-dark")
    rules = {**_DARK, **dark}
    dark_rules = "".join(f"--{name}: {value}; " for name, value in rules.items())
    environment = _environment().overlay(autoescape=False)
    template = environment.get_template("page.css")
    rendered: str = template.render(light=light, dark_rules=dark_rules + "color-scheme: dark;")
    return rendered


def _colours(style: str) -> dict[str, str]:
    found = get_style_by_name(style)
    colours = {
        name: found.style_for_token(string_to_tokentype(token))["color"]
        for name, token in _PALETTE.items()
    }
    return {name: f"#{colour}" if colour else "inherit" for name, colour in colours.items()}


def _facts(suites: Sequence[SuiteRuns]) -> str:
    runs = sum(len(suite.runs) for suite in suites)
    samples = sum(len(run.verdicts) for suite in suites for run in suite.runs)
    return f"{runs} runs, {samples:,} judged samples. Brackets hold 95 % intervals over problems."


def _sections(
    suites: Sequence[SuiteRuns], tables: Sequence[Table], figures: Sequence[Figure]
) -> list[dict[str, Any]]:
    """The overview's sections: one for each suite, then one for tables about all suites."""
    sections = [
        {
            "name": suite.name,
            "label": suite.label,
            "problems": len(suite.problems),
            "tables": [_table(t) for t in tables if _belongs(t.name, suite, suites)],
            "figures": [
                {"title": f.title, "svg": _markup(f.svg(themed=True))}
                for f in figures
                if _belongs(f.name, suite, suites)
            ],
        }
        for suite in suites
    ]
    general = [t for t in tables if not any(_belongs(t.name, s, suites) for s in suites)]
    if general:
        shown = [_table(table) for table in general]
        rest = {"name": "all", "label": "All suites", "problems": 0, "tables": shown, "figures": []}
        sections.append(rest)
    return sections


def _belongs(name: str, suite: SuiteRuns, suites: Sequence[SuiteRuns]) -> bool:
    """Whether the suite's name is the longest that a table's name begins with: a table named
    `starter-function-…` does not belong to `starter`."""
    owners = [other.name for other in suites if name.startswith(f"{other.name}-")]
    return bool(owners) and max(owners, key=len) == suite.name


def _table(table: Table) -> dict[str, Any]:
    numeric = [column.kind is not Kind.text for column in table.columns]
    return {
        "name": table.name,
        "title": table.title,
        "notes": table.notes,
        "groups": _groups(table),
        "columns": [
            {"label": column.label, "numeric": right}
            for column, right in zip(table.columns, numeric, strict=True)
        ],
        "rows": [
            [
                {"value": clean(cell.marked), "interval": cell.interval, "numeric": right}
                for cell, right in zip(row, numeric, strict=True)
            ]
            for row in table.written()
        ],
    }


def _groups(table: Table) -> list[tuple[str, int]]:
    """Headings above the columns, as (text, width); empty if there are none."""
    if not any(column.group for column in table.columns):
        return []
    return [(group, len(list(same))) for group, same in groupby(c.group for c in table.columns)]


def omission(suites: Iterable[SuiteRuns], embedded: int) -> str:
    """A sentence about the samples that are not in the page; "" if all are."""
    most = max(int(verdict_counts(run).max(initial=0)) for suite in suites for run in suite.runs)
    if embedded >= most:
        return ""
    shown = f"the first {embedded} samples" if embedded > 1 else ("one", "none")[not embedded]
    return (
        f"Of the up to {most} samples that a run has of a problem, {shown} can be read here: more "
        "would exceed html.max_samples or html.max_mb. Counts and tables are of all."
    )

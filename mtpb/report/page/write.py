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
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pygments.styles import get_style_by_name
from pygments.token import string_to_tokentype

from mtpb.config.report import PageLimits
from mtpb.report.figures import Figure
from mtpb.report.front.settings import names, settings
from mtpb.report.page.content import FRONT, Report
from mtpb.report.page.data import chunks, index, pack, samples_a_problem, verdict_counts
from mtpb.report.runs import SuiteRuns
from mtpb.rundir.store import write_whole
from mtpb.tables import Kind, Table, clean

_HERE = Path(__file__).parent
_SCRIPTS = ("page.js", "overview.js", "lists.js", "save.js", "start.js")
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
}


def write_page(report: Report, output: Path, limits: PageLimits) -> str:
    """Writes the page. Returns a sentence about what the limits left out, "" if nothing."""
    html, said = page_of(report, limits)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_whole(output, [html])
    return said


def page_of(report: Report, limits: PageLimits, live: str = "") -> tuple[str, str]:
    """The page, and a sentence about what the limits left out. `live`, which is what a server calls
    the state of its runs, makes the page ask that server for newer ones."""
    suites = report.suites
    fixed = _Fixed(_sections(report), _about(report), live)
    room = int(limits.megabytes * 1e6) - len(_html(report, fixed, 0, {}).encode())
    embedded, data = _fitting(suites, samples_a_problem(suites, limits.samples), room)
    return _html(report, fixed, embedded, data), omission(suites, embedded)


def waiting_page(extent: str) -> str:
    """A page that says how far the runs are before anything is judged; it loads itself again."""
    html: str = _environment().get_template("waiting.html").render(extent=extent)
    return html


@dataclass(frozen=True, slots=True)
class _Fixed:
    """What the page has whatever the number of conversations: `packed` is data by element."""

    sections: Sequence[Mapping[str, Any]]
    packed: Mapping[str, str]
    live: str


def _about(report: Report) -> dict[str, str]:
    """What the script shows or saves of runs and tables."""
    forms = {table.name: {"csv": table.csv(), "md": table.markdown()} for table in report.tables}
    return {
        "runs": pack(list(map(settings, names(report.runs), report.runs))),
        "tables": pack(forms),
    }


def _html(report: Report, fixed: _Fixed, embedded: int, data: Mapping[str, str]) -> str:
    """The whole page; `embedded` samples of each run and problem are in the data."""
    script = "".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    packed = {**data, **fixed.packed, "index": pack(index(report.suites, embedded))}
    html: str = (
        _environment()
        .get_template("page.html")
        .render(
            css=_markup(_css()),
            script=_markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            facts=_facts(report.suites),
            omission=omission(report.suites, embedded),
            sections=fixed.sections,
            live=fixed.live,
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
    counted = f"{runs} run{'s' * (runs != 1)}, {samples:,} judged samples"
    return f"{counted}. Brackets hold 95 % intervals over problems."


def _sections(report: Report) -> list[dict[str, Any]]:
    """The overview's sections: leaderboard, changes, runs, one for each suite, and one for tables
    about all suites. The first table of each is open, the others are folded."""
    suites, front = report.suites, [t for t in report.tables if t.name in FRONT]
    rest: dict[str | None, list[Table]] = {}
    for table in report.tables[len(front) :]:
        rest.setdefault(_owner(table.name, suites), []).append(table)
    drawn: dict[str | None, list[Figure]] = {}
    for figure in report.figures:
        drawn.setdefault(_owner(figure.name, suites), []).append(figure)
    links = [f"#/run/{quote(name, safe='')}" for name in names(report.runs)]
    boards = [t for t in front if t.name not in ("changes", "runs")]
    changes, runs = ([t for t in front if t.name == name] for name in ("changes", "runs"))
    sections = [
        _section("front", "Leaderboard", boards, drawn.get(None, ())),
        _section("since", "Changes", changes),
        _section("settings", "Runs", runs, links=links),
        *(
            _section(suite.name, suite.label, rest[suite.name], drawn.get(suite.name, ()))
            | {"problems": len(suite.problems), "folded": suite.is_part and not suites[0].is_part}
            for suite in suites
        ),
        _section("all", "All suites", rest.get(None, ())),
    ]
    return [section for section in sections if section["tables"]]


def _section(
    name: str,
    label: str,
    tables: Sequence[Table],
    figures: Sequence[Figure] = (),
    links: Sequence[str] = (),
) -> dict[str, Any]:
    """`links` are the addresses of the first column's cells."""
    return {
        "name": name,
        "label": label,
        "problems": 0,
        "folded": False,
        "tables": [_table(table, links) | {"short": _short(table.name, name)} for table in tables],
        "figures": [
            {
                "name": figure.name,
                "title": figure.title,
                "short": _short(figure.name, name),
                "svg": _markup(figure.svg(themed=True)),
            }
            for figure in figures
        ],
    }


def _short(name: str, section: str) -> str:
    """The name of a table or a figure in the list of contents."""
    return name.removeprefix(f"{section}-").replace("-", " ")


def _owner(name: str, suites: Sequence[SuiteRuns]) -> str | None:
    """The longest name of a suite that a table's name begins with, None if there is none: a table
    named `starter-function-…` does not belong to `starter`."""
    owners = [suite.name for suite in suites if name.startswith(f"{suite.name}-")]
    return max(owners, key=len, default=None)


def _table(table: Table, links: Sequence[str]) -> dict[str, Any]:
    headings = [" ".join(filter(None, (column.group, column.label))) for column in table.columns]
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
        "links": links,
        "rows": [
            [
                {
                    "value": clean(cell.marked),
                    "interval": cell.interval,
                    "numeric": right,
                    "heading": heading,
                }
                for cell, right, heading in zip(row, numeric, headings, strict=True)
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

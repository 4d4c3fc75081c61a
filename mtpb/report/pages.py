"""The HTML report: one file that works from disk, without a server or a network.

The overview is plain HTML. Problems and conversations are data, packed (deflate, base64) into inert
script elements, one a problem, and become pages when they are looked at. A completion may hold
anything: the template escapes, the script makes text nodes only, and the page's content security
policy admits no other script and no connection.
"""

from __future__ import annotations

import base64
import builtins
import hashlib
import json
import keyword
import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from mtpb.records import Sample, Verdict
from mtpb.report.figures import Figure
from mtpb.report.runs import Run, Suite
from mtpb.store import write_whole
from mtpb.tables import Kind, Table, clean
from mtpb.verdicts import STATUSES

_HERE = Path(__file__).parent
_LONGEST = 20_000  # letters of a text that are shown; a runaway completion says no more with more
_LONGEST_DETAIL = 2_000
_LONGEST_EXPECTED = 2_000
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


def write_page(
    suites: Sequence[Suite],
    tables: Sequence[Table],
    figures: Sequence[Figure],
    output: Path,
    max_samples: int,
) -> None:
    """Writes the page. Of more than `max_samples` samples, as many of each case are embedded."""
    labels = {id(run): label for suite in suites for run, label in run_labels(suite)}
    embedded = samples_a_case(suites, max_samples)
    data = dict(_chunks(suites, embedded))
    data["index"] = pack(_index(suites, labels, embedded, list(data)))
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    template = _environment().get_template("page.html")
    stream = template.stream(
        css=_markup(_css()),
        script=_markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        facts=_facts(suites, embedded),
        sections=_sections(suites, tables, figures),
        data=data.items(),
    )
    stream.enable_buffering(64)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_whole(output, stream)


def pack(value: object) -> str:
    """JSON, deflated, in base64."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    plain = json.dumps(value, separators=(",", ":")).encode()
    return base64.b64encode(packer.compress(plain) + packer.flush()).decode()


def run_labels(suite: Suite) -> list[tuple[Run, str]]:
    """Names that tell a suite's runs apart: the model, and what else differs among them."""
    formats = {run.format for run in suite.runs}
    temperatures = {run.temperature for run in suite.runs}
    labelled = []
    for run in suite.runs:
        words = [run.name]
        if len(formats) > 1:
            words.append(run.format.replace("_", "-"))
        if len(temperatures) > 1:
            words.append(f"T={run.temperature}")
        labelled.append((run, " · ".join(words)))
    return labelled


def samples_a_case(suites: Iterable[Suite], most: int) -> int:
    """How many samples of each case fit when `most` may be embedded in all; at least 1."""
    units = [run.verdicts.units(run.scorer) for suite in suites for run in suite.runs]
    room = 1
    for size in range(1, max((int(u.n.max(initial=0)) for u in units), default=1) + 1):
        if sum(int(u.n.clip(max=size).sum()) for u in units) > most:
            break
        room = size
    return room


# --- data


def _index(
    suites: Sequence[Suite], labels: Mapping[int, str], embedded: int, chunks: Sequence[str]
) -> dict[str, Any]:
    runs = [(suite, run) for suite in suites for run in suite.runs]
    unused = iter(chunks)
    return {
        "statuses": [status.value for status in STATUSES],
        "keywords": [*keyword.kwlist, *keyword.softkwlist],
        "builtins": [name for name in dir(builtins) if not name.startswith("_")],
        "suites": [
            {
                "name": suite.name,
                "label": suite.label,
                "tests": suite.has_tests,
                "problems": [_problem(problem, next(unused)) for problem in suite.problems],
            }
            for suite in suites
        ],
        "runs": [
            {
                "number": number,
                "suite": suite.name,
                "label": labels[id(run)],
                "model": run.name,
                "format": run.format,
                "temperature": run.temperature,
                "scorer": run.scorer,
                "embedded": embedded,
                "verdicts": _letters(run),
            }
            for number, (suite, run) in enumerate(runs)
        ],
    }


def _problem(problem: Mapping[str, Any], chunk: str) -> dict[str, Any]:
    return {
        **{key: problem[key] for key in ("id", "name", "category", "turns", "difficulty")},
        "chunk": chunk,
        "cases": [
            {"expected": _expected(case["expected"]), "errata": case["errata"]}
            for case in problem["cases"]
        ],
    }


def _expected(value: object) -> str | None:
    return None if value is None else _clipped(repr(value), _LONGEST_EXPECTED)


def _letters(run: Run) -> list[list[str]]:
    """Each problem's cases as texts with a letter a sample: its status and both scorers' word."""
    verdicts = run.verdicts
    codes = verdicts.status + 48
    for weight, scorer in ((10, "official"), (20, "strict")):
        if scorer in verdicts.scores:
            codes = codes + weight * verdicts.scores[scorer]
    letters: list[list[list[str]]] = [[[] for _ in p["cases"]] for p in run.problems]
    columns = (verdicts.problem, verdicts.case, verdicts.sample, codes)
    for problem, case, sample, code in zip(*(column.tolist() for column in columns), strict=True):
        if case < len(letters[problem]):
            row = letters[problem][case]
            row.extend("." * (sample + 1 - len(row)))
            row[sample] = chr(code)
    return [["".join(case) for case in cases] for cases in letters]


def _chunks(suites: Sequence[Suite], embedded: int) -> Iterable[tuple[str, str]]:
    """Packed conversations, one item a problem, in the order of suites and problems."""
    first = 0
    for number, suite in enumerate(suites):
        problems = {problem["id"]: _Chunk() for problem in suite.problems}
        for offset, run in enumerate(suite.runs):
            verdicts = {v.key: v for v in run.directory.verdicts() if v.sample < embedded}
            for sample in run.directory.samples():
                if sample.sample < embedded and sample.problem in problems:
                    verdict = verdicts.get(sample.key)
                    problems[sample.problem].add(first + offset, sample, verdict)
        for place, chunk in enumerate(problems.values()):
            yield f"chunk-{number}-{place}", pack(chunk.to_json())
        first += len(suite.runs)


class _Chunk:
    """The conversations about one problem; prompts, which they share, are kept once."""

    def __init__(self) -> None:
        self._prompts: dict[str, int] = {}
        self._runs: dict[int, list[dict[str, Any]]] = {}

    def add(self, run: int, sample: Sample, verdict: Verdict | None) -> None:
        self._runs.setdefault(run, []).append(
            {
                "case": sample.case,
                "sample": sample.sample,
                "turns": self._turns(sample),
                **_blame(verdict),
            }
        )

    def to_json(self) -> dict[str, Any]:
        return {"prompts": list(self._prompts), "runs": self._runs}

    def _turns(self, sample: Sample) -> list[tuple[int | None, str, str, str, int, int]]:
        """Prompt, text, what was cut away, finish, tokens, and the line that the text starts in."""
        if not sample.turns:  # written elsewhere, as a whole
            return [(None, _clipped(sample.program, _LONGEST), "", "unknown", 0, 1)]
        return [
            (
                self._prompts.setdefault(turn.prompt, len(self._prompts)),
                _clipped(turn.text, _LONGEST),
                _clipped(_cut_away(turn.completion, turn.text), _LONGEST),
                turn.finish,
                turn.tokens,
                line,
            )
            for turn, line in zip(sample.turns, first_lines(sample), strict=True)
        ]


def _blame(verdict: Verdict | None) -> dict[str, Any]:
    """What the verdict says, with the turn, from 0, and the program's line, from 1, to blame."""
    if verdict is None:
        return {"detail": "", "cpu": 0, "turn": None, "line": None}
    detail = _clipped(verdict.detail, _LONGEST_DETAIL)
    return {"detail": detail, "cpu": verdict.cpu_s, "turn": verdict.turn, "line": verdict.line}


def first_lines(sample: Sample) -> list[int]:
    """The program's line, from 1, in which each turn's text starts.

    Texts are looked for in their order, each after its prompt, so that a text that is there twice
    is found where it belongs. 1 where it is not found: the program was not made of the turns.
    """
    lines, at = [], 0
    for turn in sample.turns:
        prompt = sample.program.find(turn.prompt, at)
        text = sample.program.find(turn.text, prompt + len(turn.prompt))
        if prompt < 0 or text < 0:
            return [1] * len(sample.turns)
        lines.append(sample.program.count("\n", 0, text) + 1)
        at = text + len(turn.text)
    return lines


def _cut_away(completion: str, text: str) -> str:
    """What the stop rule cut off, blank lines around it aside."""
    return completion.removeprefix(text).strip("\n").rstrip()


def _clipped(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}\n… {len(text) - most} letters more"


# --- markup


def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(_HERE)
    return Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _markup(trusted: str) -> Any:
    """Marks our own files, and matplotlib's escaped drawings, as what needs no escaping."""
    from markupsafe import Markup

    return Markup(trusted)


def _css() -> str:
    """The style sheet with the syntax colours of two well-kept styles."""
    light, dark = _colours("xcode"), _colours("github-dark")
    rules = {**_DARK, **dark}
    dark_rules = "".join(f"--{name}: {value}; " for name, value in rules.items())
    environment = _environment().overlay(autoescape=False)
    template = environment.get_template("page.css")
    rendered: str = template.render(light=light, dark_rules=dark_rules + "color-scheme: dark;")
    return rendered


def _colours(style: str) -> dict[str, str]:
    from pygments.styles import get_style_by_name
    from pygments.token import string_to_tokentype

    found = get_style_by_name(style)
    colours = {
        name: found.style_for_token(string_to_tokentype(token))["color"]
        for name, token in _PALETTE.items()
    }
    return {name: f"#{colour}" if colour else "inherit" for name, colour in colours.items()}


def _facts(suites: Sequence[Suite], embedded: int) -> str:
    runs = sum(len(suite.runs) for suite in suites)
    samples = sum(len(run.verdicts) for suite in suites for run in suite.runs)
    most = max(run.samples_per_case for suite in suites for run in suite.runs)
    part = f" The first {embedded} samples of each case are embedded." if embedded < most else ""
    return (
        f"{runs} runs, {samples:,} judged samples. Brackets hold 95 % intervals, "
        f"bootstrapped over problems.{part}"
    )


def _sections(
    suites: Sequence[Suite], tables: Sequence[Table], figures: Sequence[Figure]
) -> list[dict[str, Any]]:
    """What the overview shows: a section a suite, then what is about all of them."""
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


def _belongs(name: str, suite: Suite, suites: Sequence[Suite]) -> bool:
    """By the longest suite name that a table's name begins with: `starter-function-…` is not of
    `starter`."""
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
                {"value": clean(cell.value), "interval": cell.interval, "numeric": right}
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

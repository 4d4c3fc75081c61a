"""The HTML report: one file that works from disk, without a server or a network.

The overview is plain HTML. Problems and conversations are data, packed (deflate, base 85) into
inert script elements, one a problem, and become pages when they are looked at. A completion may
hold anything: the template escapes, the script makes text nodes only, and the page's content
security policy admits no other script and no connection.
"""

from __future__ import annotations

import base64
import builtins
import hashlib
import json
import keyword
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from mtpb.report.figures import Figure
from mtpb.report.runs import Suite
from mtpb.report.settings import Limits
from mtpb.rundir.manifest import ProblemFacts
from mtpb.rundir.records import Sample, Verdict
from mtpb.rundir.run import Run
from mtpb.rundir.store import write_whole
from mtpb.rundir.verdicts import STATUSES, Ints
from mtpb.tables import MARK, Kind, Table, clean

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
    "shade": "rgb(0 0 0 / 70%)",
}


def write_page(
    suites: Sequence[Suite],
    tables: Sequence[Table],
    figures: Sequence[Figure],
    output: Path,
    limits: Limits,
) -> str:
    """Writes the page; what it leaves out to stay within the limits, in a sentence or nothing."""
    sections = _sections(suites, tables, figures)
    room = int(limits.megabytes * 1e6) - len(_html(suites, sections, 0, {}).encode())
    embedded, data = _fitting(suites, samples_a_problem(suites, limits.samples), room)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_whole(output, [_html(suites, sections, embedded, data)])
    return left_out(suites, embedded)


def _html(
    suites: Sequence[Suite],
    sections: Sequence[Mapping[str, Any]],
    embedded: int,
    data: Mapping[str, str],
) -> str:
    """The whole page. Of each run and problem, `embedded` samples are in the data."""
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    packed = {**data, "index": pack(_index(suites, embedded))}
    html: str = (
        _environment()
        .get_template("page.html")
        .render(
            css=_markup(_css()),
            script=_markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            facts=_facts(suites),
            left_out=left_out(suites, embedded),
            sections=sections,
            data=[(id, _markup(letters)) for id, letters in packed.items()],
        )
    )
    return html


def _fitting(suites: Sequence[Suite], embedded: int, room: int) -> tuple[int, dict[str, str]]:
    """As many packed conversations as there is room for (in bytes), and how many that are of each
    run and problem: at most `embedded`, and all the first ones."""
    chunks = dict(_chunks(suites, embedded))
    while True:
        data = {id: pack(chunk.to_json(embedded)) for id, chunk in chunks.items()}
        size = sum(map(len, data.values()))
        if size <= room or not embedded:
            return embedded, data
        embedded = max(0, min(embedded - 1, embedded * room // size))


def pack(value: object) -> str:
    """JSON, deflated, in base 85 (RFC 1924's letters, but for `<`, which a comma stands for)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # a lone surrogate, which UTF-8 has no bytes for, becomes the escape that JSON has for it
    plain = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    packed = packer.compress(plain.encode("utf-8", "backslashreplace")) + packer.flush()
    return base64.b85encode(packed).decode().replace("<", ",")


def run_labels(suite: Suite) -> list[tuple[Run, str]]:
    """Names that tell a suite's runs apart: the model, and what else differs among them."""
    formats = {run.format for run in suite.runs}
    temperatures = {run.temperature for run in suite.runs}
    labelled = []
    for run in suite.runs:
        words = [run.model]
        if len(formats) > 1:
            words.append(run.format.replace("_", "-"))
        if len(temperatures) > 1:
            words.append(f"T={run.temperature}")
        if not run.finished:
            words.append(f"{MARK} {run.extent}")
        labelled.append((run, " · ".join(words)))
    return labelled


def samples_a_problem(suites: Iterable[Suite], most: int) -> int:
    """How many samples of each run and problem fit when `most` may be embedded in all; at least
    one."""
    counts = [_counts(run) for suite in suites for run in suite.runs]
    largest = max(int(count.max(initial=0)) for count in counts)

    def total(each: int) -> int:
        return sum(int(count.clip(max=each).sum()) for count in counts)

    return max(1, bisect_right(range(largest + 1), most, key=total) - 1)


def _counts(run: Run) -> Ints:
    """Verdicts of each problem."""
    return np.bincount(run.verdicts.problem, minlength=len(run.problems))


def rank(problem: ProblemFacts, case: int, sample: int) -> int:
    """A sample's place among its problem's: first all cases' first samples, then their second."""
    return sample * len(problem.cases) + case


# --- data


def _index(suites: Sequence[Suite], embedded: int) -> dict[str, Any]:
    labels = {id(run): label for suite in suites for run, label in run_labels(suite)}
    runs = [(suite, run) for suite in suites for run in suite.runs]
    return {
        "statuses": [status.value for status in STATUSES],
        "keywords": [*keyword.kwlist, *keyword.softkwlist],
        "builtins": [name for name in dir(builtins) if not name.startswith("_")],
        "suites": [
            {
                "name": suite.name,
                "label": suite.label,
                "tests": suite.has_tests,
                "problems": [
                    _problem(problem, _chunk_name(number, place))
                    for place, problem in enumerate(suite.problems)
                ],
            }
            for number, suite in enumerate(suites)
        ],
        "runs": [
            {
                "number": number,
                "suite": suite.name,
                "label": labels[id(run)],
                "model": run.model,
                "mark": "" if run.finished else MARK,
                "format": run.format,
                "temperature": run.temperature,
                "scorer": run.scorer,
                "embedded": embedded,
                "verdicts": _letters(run),
            }
            for number, (suite, run) in enumerate(runs)
        ],
    }


def _problem(problem: ProblemFacts, chunk: str) -> dict[str, Any]:
    return {
        **{key: getattr(problem, key) for key in ("id", "name", "category", "turns", "difficulty")},
        "chunk": chunk,
        "cases": [
            {"expected": _expected(case.expected), "errata": case.errata} for case in problem.cases
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
    letters: list[list[list[str]]] = [[[] for _ in p.cases] for p in run.problems]
    columns = (verdicts.problem, verdicts.case, verdicts.sample, codes)
    for problem, case, sample, code in zip(*(column.tolist() for column in columns), strict=True):
        row = letters[problem][case]
        row.extend("." * (sample + 1 - len(row)))
        row[sample] = chr(code)
    return [["".join(case) for case in cases] for cases in letters]


def _chunks(suites: Sequence[Suite], embedded: int) -> Iterable[tuple[str, _Chunk]]:
    """The first conversations about each problem, in the order of suites and problems."""
    first = 0
    for number, suite in enumerate(suites):
        chunks = {problem.id: _Chunk(problem) for problem in suite.problems}
        for offset, run in enumerate(suite.runs):
            if run.directory is None:
                continue
            verdicts = {v.key: v for v in run.directory.verdicts() if v.sample < embedded}
            for sample in {s.key: s for s in run.directory.samples()}.values():
                chunk = chunks.get(sample.problem)
                if chunk and rank(chunk.problem, sample.case, sample.sample) < embedded:
                    chunk.add(first + offset, sample, verdicts.get(sample.key))
        for place, chunk in enumerate(chunks.values()):
            yield _chunk_name(number, place), chunk
        first += len(suite.runs)


def _chunk_name(suite: int, problem: int) -> str:
    return f"chunk-{suite}-{problem}"


class _Chunk:
    """The conversations about one problem; prompts, which they share, are kept once."""

    def __init__(self, problem: ProblemFacts) -> None:
        self.problem = problem
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

    def to_json(self, embedded: int) -> dict[str, Any]:
        runs = {
            run: [s for s in samples if rank(self.problem, s["case"], s["sample"]) < embedded]
            for run, samples in self._runs.items()
        }
        return {"prompts": list(self._prompts), "runs": runs}

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
    """Marks what needs no escaping: our own files, matplotlib's escaped drawings, packed data."""
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


def _facts(suites: Sequence[Suite]) -> str:
    runs = sum(len(suite.runs) for suite in suites)
    samples = sum(len(run.verdicts) for suite in suites for run in suite.runs)
    return f"{runs} runs, {samples:,} judged samples. Brackets hold 95 % intervals over problems."


def left_out(suites: Iterable[Suite], embedded: int) -> str:
    """What is not in the page when `embedded` samples of each run and problem are; or nothing."""
    most = max(int(_counts(run).max(initial=0)) for suite in suites for run in suite.runs)
    if embedded >= most:
        return ""
    shown = f"the first {embedded} samples" if embedded > 1 else ("one", "none")[not embedded]
    return (
        f"Of the up to {most} samples that a run has of a problem, {shown} can be read here: more "
        "would exceed html.max_samples or html.max_mb. Counts and tables are of all."
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

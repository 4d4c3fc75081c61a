"""Shows a conversation in the terminal, in colour.

    mtpb show results/starter/RUN
    mtpb show results/starter/RUN problem=17 case=0 sample=1
    mtpb show results/starter/RUN problem=17 color=always | less -R

Without a problem it lists the run's problems with their pass rates; for an unfinished run, rates
are shown with partial=true only. Control characters in completions, which could control the
terminal, are shown as escapes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from math import isnan, nan
from pathlib import Path

import numpy as np
from pygments import highlight
from pygments.formatters import TerminalFormatter
from pygments.lexers import PythonLexer

from mtpb.cli.application import application
from mtpb.cli.volume import is_terminal
from mtpb.config import Colour, ShowConfig
from mtpb.errors import UsageError
from mtpb.rundir.manifest import Manifest, ProblemFacts
from mtpb.rundir.records import Key, Sample, Turn, Verdict
from mtpb.rundir.run import Run, read_run
from mtpb.rundir.store import RunDirectory
from mtpb.statistics.metrics import problem_rates
from mtpb.tables import MARK, Column, Kind, Table, clean, partial

Paint = Callable[[str, str], str]

_STYLES = {
    "prompt": "1;36",
    "dim": "2",
    "good": "1;32",
    "bad": "1;31",
    "head": "1",
}


@application("show", ShowConfig)
def main(config: ShowConfig) -> int:
    run = read_run(RunDirectory(Path(config.run)))
    if config.problem is None:
        print(problems_table(run, config.partial).text())
        return 0
    problem = find_problem(run.manifest, str(config.problem))
    key = Key(problem.id, config.case, config.sample)
    sample, verdict = find_sample(RunDirectory(Path(config.run)), key)
    paint = painter(config.color)
    if not run.finished:
        print(paint("dim", f"unfinished run: {run.extent} are judged"))
    for line in transcript(problem, sample, verdict, paint):
        print(line)
    return 0


def problems_table(run: Run, show_partial: bool) -> Table:
    """The run's problems with their pass rates by the chosen scorer.

    For an unfinished run it shows how many samples are judged and, with `show_partial`, pass rates,
    marked.
    """
    counted = run.finished or show_partial
    rates = problem_rates(run)[:, 0].tolist() if counted else [nan] * len(run.problems)
    judged = np.bincount(run.verdicts.problem[run.verdicts.judged], minlength=len(run.problems))
    rows = []
    for problem, count, rate in zip(run.problems, judged.tolist(), rates, strict=True):
        figures = (count, None if isnan(rate) else rate)
        shown = figures if run.finished else partial(figures)
        rows.append((problem.id, problem.name, problem.category, len(problem.cases), *shown))
    columns = (
        Column("id", "problem"),
        Column("name", "name"),
        Column("category", "category"),
        Column("cases", "cases", Kind.count),
        Column("judged", "judged", Kind.count),
        *((Column("rate", "pass rate, %", Kind.rate),) if counted else ()),
    )
    return Table(
        "problems",
        f"{run.source}, by the {run.scorer} scorer",
        columns,
        tuple(row[: len(columns)] for row in rows),
        _notes(run, counted),
    )


def _notes(run: Run, counted: bool) -> tuple[str, ...]:
    if run.finished:
        return ()
    hint = "" if counted else " Pass rates are left out; partial=true shows them, marked."
    return (f"{MARK} Unfinished run: {run.extent} are judged.{hint}",)


def find_problem(manifest: Manifest, id: str) -> ProblemFacts:
    """The manifest's entry of a problem. Raises UsageError if the run does not have it."""
    problem = manifest.benchmark.problem(id)
    if problem is None:
        some = ", ".join(problem.id for problem in manifest.benchmark.problems[:3])
        raise UsageError(f"problem={id}: the run has no such problem; it has {some}, …")
    return problem


def find_sample(run: RunDirectory, key: Key) -> tuple[Sample, Verdict | None]:
    """A sample and its verdict, None if it is not judged. Raises UsageError for no such sample."""
    sample = next((sample for sample in run.samples() if sample.key == key), None)
    if sample is None:
        raise UsageError(
            f"problem={key.problem} case={key.case} sample={key.sample}: {run.path} has no such "
            "sample; cases and samples count from 0"
        )
    verdicts = {verdict.key: verdict for verdict in run.verdicts()}  # of several the last is taken
    return sample, verdicts.get(key)


def painter(colour: Colour) -> Paint:
    """A function that puts text in a style, or leaves it plain if colour is not wanted."""
    wanted = colour is Colour.always or (
        colour is Colour.auto and is_terminal(sys.stdout) and not os.environ.get("NO_COLOR")
    )
    if not wanted:
        return lambda style, text: text
    return lambda style, text: (
        _highlighted(text) if style == "code" else f"\x1b[{_STYLES[style]}m{text}\x1b[0m"
    )


def transcript(
    problem: ProblemFacts, sample: Sample, verdict: Verdict | None, paint: Paint
) -> Iterator[str]:
    """The lines of a conversation: prompts, completions, what was cut, and the verdict."""
    name = clean(f"{sample.problem} {problem.name}, case {sample.case}, sample {sample.sample}")
    yield paint("head", name)
    if not sample.turns:
        yield from _code(sample.program, paint)
    for number, turn in enumerate(sample.turns):
        yield ""
        failed = verdict is not None and not verdict.passed and _blamed(sample, verdict) == number
        yield from _turn(turn, number, paint, "  ← fails here" if failed else "")
    yield ""
    if verdict is None:
        yield paint("dim", "not judged yet")
    else:
        yield from _outcome(problem, sample, verdict, paint)


def _blamed(sample: Sample, verdict: Verdict) -> int | None:
    """The index in `sample.turns` of the turn that failed."""
    return None if verdict.turn is None else sample.last_start + verdict.turn


def _turn(turn: Turn, number: int, paint: Paint, mark: str) -> Iterator[str]:
    facts = f"turn {number + 1}, {turn.tokens} tokens, {clean(turn.finish)}"
    yield paint("dim", facts) + (paint("bad", mark) if mark else "")
    for line in _lines(turn.feedback) if turn.feedback else ():
        yield paint("bad", f"# {line}")
    for line in _lines(turn.prompt):
        yield paint("prompt", f"# {line}")
    yield from _code(turn.text, paint)
    cut = turn.completion.removeprefix(turn.text).strip("\n")
    for line in _lines(cut) if cut else ():
        yield paint("dim", f"- {line}")


def _outcome(
    problem: ProblemFacts, sample: Sample, verdict: Verdict, paint: Paint
) -> Iterator[str]:
    words = verdict.status.value.replace("_", " ")
    line = f", line {verdict.line} of the program" if verdict.line is not None else ""
    yield paint("good" if verdict.passed else "bad", words) + f"{line} ({verdict.cpu_s:g} s)"
    if verdict.line is not None:
        for text in _lines(sample.program)[verdict.line - 1 : verdict.line]:
            yield paint("bad", f"  > {text.strip()}")
    for scorer, passed in verdict.scores.items():
        yield f"{scorer}: " + paint("good" if passed else "bad", "yes" if passed else "no")
    case = problem.cases[sample.case]
    if case.expected is not None:
        yield f"expected: {clean(repr(case.expected))}"
    if case.errata:
        yield paint("bad", f"known faults of this case: {', '.join(case.errata)}")
    if verdict.detail:
        yield from (f"actual: {line}" for line in _lines(verdict.detail))


def _code(text: str, paint: Paint) -> Iterator[str]:
    plain = "\n".join(_lines(text.rstrip("\n")))
    yield from paint("code", plain).split("\n")


def _highlighted(text: str) -> str:
    coloured: str = highlight(text, PythonLexer(stripnl=False), TerminalFormatter())
    return coloured.removesuffix("\n")


def _lines(text: str) -> list[str]:
    """The lines of a text with control characters as escapes, tabs kept."""
    return ["\t".join(map(clean, line.split("\t"))) for line in text.split("\n")]


if __name__ == "__main__":
    main()

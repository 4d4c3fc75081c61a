"""Reports of a comparison: for the terminal, as Markdown, JSON and JUnit XML."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree

from mtpb.comparing.comparison import Comparison, Difference, ProblemChange
from mtpb.comparing.gate import FigureChange
from mtpb.errors import program
from mtpb.rundir.records import Key
from mtpb.rundir.run import Run, count_of_problems
from mtpb.tables import MARK, Cell, Column, Estimate, Kind, Partial, Plain, Table, marked


def decision(comparison: Comparison) -> str:
    """The gate's decision in a few sentences; a mark and the last one point out unfinished runs."""
    unfinished = [f"{run.source}, {run.extent}" for run in comparison.unfinished]
    caution = f" {MARK} Unfinished: {'; '.join(unfinished)}." if unfinished else ""
    return f"{MARK if unfinished else ''}{_red_or_green(comparison)}{caution}"


def _red_or_green(comparison: Comparison) -> str:
    worse = [figure for figure in comparison.figures if figure.worse]
    tolerance = comparison.gate.tolerance
    beyond = f" beyond the tolerance of {_points(tolerance)}" if tolerance else ""
    if worse:
        drops = "; ".join(
            f"{figure.name} fell by {_points(-figure.difference)}, from "
            f"{100 * figure.baseline:.1f} to {100 * figure.candidate:.1f} %"
            f" (p {_relation(figure.p_drop)})"
            for figure in worse
        )
        return f"RED: significant drop{beyond}. {drops}."
    return f"GREEN: no significant drop{beyond}. {_missed(comparison.figures[0], comparison)}"


def _missed(figure: FigureChange, comparison: Comparison) -> str:
    """The drop that a green gate could have missed."""
    if figure.detectable is None:
        return (
            f"But no drop of the {figure.name} could have been found, however large: "
            "too few problems or samples, or nothing that passes."
        )
    return (
        f"A drop of the {figure.name} by {_points(figure.detectable)} or more would have been "
        f"found with a chance of {100 * comparison.gate.power:.0f} %."
    )


def terminal(comparison: Comparison, top: int) -> str:
    """The report for a terminal: tables, then the decision as the last line."""
    tables = [figure_table(comparison), status_table(comparison), throughput_table(comparison)]
    parts = [table.text() for table in (*tables, *_problem_tables(comparison, top)) if table.rows]
    commands = _commands(comparison, top)
    if commands:
        parts.append("To see what changed:\n" + "\n".join(f"  {line}" for line in commands))
    parts += [f"note: {note}" for note in _all_notes(comparison)]
    return "\n\n".join([*parts, decision(comparison)])


def markdown(comparison: Comparison, top: int) -> str:
    """The report as a page, for a CI job's summary."""
    mark = "🔴" if comparison.red else "🟢"
    parts = [
        f"## {mark} {decision(comparison)}\n",
        f"Baseline `{comparison.baseline.source}`, candidate `{comparison.candidate.source}`; "
        f"scorer {comparison.scorer}, {comparison.subset} cases.\n",
    ]
    tables = [figure_table(comparison), status_table(comparison), throughput_table(comparison)]
    parts += [table.markdown() for table in (*tables, *_problem_tables(comparison, top))
              if table.rows]  # fmt: skip
    commands = _commands(comparison, top)
    if commands:
        parts.append("To see what changed:\n\n```sh\n" + "\n".join(commands) + "\n```\n")
    parts += [f"- {note}" for note in _all_notes(comparison)]
    return "\n".join(parts) + "\n"


def to_json(comparison: Comparison) -> dict[str, Any]:
    """The whole comparison for programs; rates are fractions."""
    before, after = comparison.throughputs
    return {
        "schema_version": 1,
        "red": comparison.red,
        "headline": decision(comparison),
        "baseline": _run_json(comparison.baseline),
        "candidate": _run_json(comparison.candidate),
        "scorer": comparison.scorer,
        "subset": comparison.subset,
        "gate": asdict(comparison.gate),
        "figures": [asdict(f) | {"test": f.test.value} for f in comparison.figures],
        "problems": [_problem_json(problem) for problem in comparison.problems],
        "status": {
            shift.status.value: {
                "baseline": shift.baseline,
                "candidate": shift.candidate,
                "lost": shift.lost,
                "gained": shift.gained,
            }
            for shift in comparison.statuses
        },
        "throughput": {"baseline": before.rates, "candidate": after.rates},
        "overridden": [asdict(difference) for difference in comparison.overridden],
        "changed": [asdict(difference) for difference in comparison.changed],
        "notes": list(comparison.notes),
    }


def junit(comparison: Comparison) -> str:
    """JUnit XML: a test for each figure's gate and one for each problem.

    A problem's test fails only if the gate is red and the problem's pass rate fell. Under a green
    gate such changes are noise.
    """
    name = f"{comparison.scorer} on {comparison.baseline.benchmark.name}"
    lost = [p for p in comparison.problems if comparison.red and p.difference < 0]
    failures = sum(figure.worse for figure in comparison.figures) + len(lost)
    tests = len(comparison.figures) + len(comparison.problems)
    counts = {"tests": str(tests), "failures": str(failures), "errors": "0"}
    root = ElementTree.Element("testsuites", {"name": "mtpb.compare", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": _xml(name), **counts})
    for figure in comparison.figures:
        test = _case(suite, "gate", f"no significant drop of {figure.name}", _figure_line(figure))
        if figure.worse:
            _fail(test, decision(comparison), _figure_line(figure))
    for problem in comparison.problems:
        line = _rates(problem)
        test = _case(suite, f"problem.{problem.category}", f"{problem.id} {problem.name}", line)
        if problem in lost:
            _fail(test, line, "\n".join(_show(comparison, problem)))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def figure_table(comparison: Comparison) -> Table:
    percent = 100 * comparison.gate.level
    return Table(
        "figures",
        f"{comparison.candidate.source} against {comparison.baseline.source}, % [95 % interval]",
        (
            Column("figure", "figure"),
            Column("baseline", "baseline", Kind.rate),
            Column("candidate", "candidate", Kind.rate),
            Column("difference", "difference", Kind.difference),
            Column("p", "p of a drop"),
            Column("detectable", "detectable", Kind.rate),
            Column("verdict", "verdict"),
        ),
        tuple(_figure_row(comparison, figure) for figure in comparison.figures),
        tuple(_figure_notes(comparison, percent)),
    )


def _figure_row(comparison: Comparison, figure: FigureChange) -> tuple[Cell, ...]:
    verdict = "worse" if figure.worse else "better" if figure.better else "no change shown"
    chance = _chance(figure.p_drop)
    difference = Estimate(figure.difference, figure.low, figure.high)
    # both figures are of the cases that both runs have samples of
    rates = marked((figure.baseline, figure.candidate, difference), *comparison.unfinished)
    detectable = marked((figure.detectable,), *comparison.unfinished)
    return (figure.name, *rates, _text(comparison, chance), *detectable, verdict)


def _text(comparison: Comparison, text: str) -> Cell:
    """A number in words from both runs, marked if one is not finished."""
    return Partial(text) if comparison.unfinished else text


def _sides(comparison: Comparison, baseline: Plain, candidate: Plain, *both: Plain) -> list[Cell]:
    """A number of each run, then numbers from both; those of unfinished runs are marked."""
    return [
        *marked((baseline,), comparison.baseline),
        *marked((candidate,), comparison.candidate),
        *marked(both, comparison.baseline, comparison.candidate),
    ]


def _figure_notes(comparison: Comparison, percent: float) -> Iterable[str]:
    tests = dict.fromkeys(f"{f.name}: {f.test.value}" for f in comparison.figures)
    problems = count_of_problems(len(comparison.problems), len(comparison.problems))
    before, after = comparison.samples
    yield f"{problems}, {before:,} and {after:,} samples. {'; '.join(tests)}."
    family = ", Holm-adjusted" if len(comparison.figures) > 1 else ""
    yield (
        f"p{family}: chance of such a drop if nothing had changed; red at {percent:g} % or less. "
        f"Detectable: drop found with a chance of {100 * comparison.gate.power:.0f} %."
    )


def status_table(comparison: Comparison) -> Table:
    before, after = comparison.samples
    rows = [
        (
            shift.status.value,
            *_sides(
                comparison,
                shift.baseline / max(before, 1),
                shift.candidate / max(after, 1),
                shift.candidate / max(after, 1) - shift.baseline / max(before, 1),
                shift.lost or None,
                shift.gained or None,
            ),
        )
        for shift in comparison.statuses
        if shift.baseline or shift.candidate
    ]
    return Table(
        "statuses",
        "Statuses, % of the samples",
        (
            Column("status", "status"),
            Column("baseline", "baseline", Kind.rate),
            Column("candidate", "candidate", Kind.rate),
            Column("difference", "difference", Kind.difference),
            Column("lost", "passed before", Kind.count),
            Column("gained", "passes now", Kind.count),
        ),
        tuple(rows),
    )


def throughput_table(comparison: Comparison) -> Table:
    before, after = comparison.throughputs
    rows = []
    for name, label in (
        ("tokens_per_s", "tokens a second"),
        ("programs_per_s", "programs a second"),
    ):
        one, other = before.rates[name], after.rates[name]
        if one or other:
            change = f"{100 * (other / one - 1):+.0f} %" if one and other else "–"
            written = _text(comparison, change.replace("-", "−"))
            rows.append((label, *_sides(comparison, one, other), written))
    return Table(
        "throughput",
        "Throughput",
        (
            Column("what", "what"),
            Column("baseline", "baseline", Kind.number),
            Column("candidate", "candidate", Kind.number),
            Column("change", "change"),
        ),
        tuple(rows),
    )


def _problem_tables(comparison: Comparison, top: int) -> tuple[Table, Table]:
    lost = [p for p in comparison.problems if p.difference < 0]
    gained = [p for p in reversed(comparison.problems) if p.difference > 0]
    return (
        _problem_table(comparison, "lost", lost, top),
        _problem_table(comparison, "gained", gained, top),
    )


def _problem_table(
    comparison: Comparison, name: str, problems: Sequence[ProblemChange], top: int
) -> Table:
    left = len(problems) - top
    return Table(
        name,
        f"Problems {name}: {len(problems)}, largest change first, pass rate in %",
        (
            Column("problem", "problem"),
            Column("name", "name"),
            Column("baseline", "baseline", Kind.rate),
            Column("candidate", "candidate", Kind.rate),
            Column("difference", "difference", Kind.difference),
        ),
        tuple(
            (p.id, p.name, *_sides(comparison, p.baseline, p.candidate, p.difference))
            for p in problems[:top]
        ),
        (f"and {left} more, see compare.json",) if left > 0 else (),
    )


def _commands(comparison: Comparison, top: int) -> list[str]:
    """Commands that show a lost sample of the problems with the largest loss, then gained ones."""
    lost = [p for p in comparison.problems if p.difference < 0 and p.lost][:top]
    gained = [p for p in reversed(comparison.problems) if p.difference > 0 and p.gained]
    return [line for p in (*lost, *gained[: top // 2]) for line in _show(comparison, p)]


def _show(comparison: Comparison, problem: ProblemChange) -> list[str]:
    """Commands that show a sample whose verdict changed, in each run that has samples."""
    key = problem.lost if problem.difference < 0 else problem.gained
    if key is None:
        return []
    sides = (comparison.baseline, comparison.candidate)
    return [_show_command(side, key) for side in sides if side.directory is not None]


def _show_command(run: Run, key: Key) -> str:
    keys = f"problem={key.problem}", f"case={key.case}", f"sample={key.sample}"
    return f"{program()} show {shlex.join([str(run.source), *keys])}"


def _all_notes(comparison: Comparison) -> list[str]:
    changed = [_shortly(difference) for difference in comparison.changed]
    notes = [f"Also different: {'; '.join(changed)}."] if changed else []
    return [*comparison.notes, *notes]


def _shortly(difference: Difference) -> str:
    baseline, candidate = (
        text if len(text := str(value)) <= 16 else text[:12] + "…"
        for value in (difference.baseline, difference.candidate)
    )
    return f"{difference.key} {baseline} → {candidate}"


def _run_json(run: Run) -> dict[str, Any]:
    return {
        "name": run.source,
        "model": asdict(run.manifest.model),
        "git_commit": run.manifest.environment.git_commit,
        "planned": run.manifest.planned,
        "verdicts": len(run.verdicts),
        "judged": run.judged,
        "finished": run.finished,
    }


def _problem_json(problem: ProblemChange) -> dict[str, Any]:
    return {
        "id": problem.id,
        "name": problem.name,
        "category": problem.category,
        "baseline": problem.baseline,
        "candidate": problem.candidate,
        "difference": problem.difference,
        "lost": problem.lost._asdict() if problem.lost else None,
        "lost_status": problem.lost_status.value if problem.lost_status else None,
        "gained": problem.gained._asdict() if problem.gained else None,
    }


def _case(suite: ElementTree.Element, group: str, name: str, output: str) -> ElementTree.Element:
    test = ElementTree.SubElement(suite, "testcase", classname=_xml(group), name=_xml(name))
    ElementTree.SubElement(test, "system-out").text = _xml(output)
    return test


def _fail(test: ElementTree.Element, message: str, detail: str) -> None:
    failure = ElementTree.Element("failure", message=_xml(message), type="regression")
    failure.text = _xml(detail)
    test.insert(0, failure)


def _xml(text: str) -> str:
    """The text without characters that XML 1.0 cannot hold."""
    return re.sub("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)


def _figure_line(figure: FigureChange) -> str:
    return (
        f"{figure.name}: {100 * figure.baseline:.2f} % to {100 * figure.candidate:.2f} %, "
        f"difference {100 * figure.difference:+.2f} points, 95 % interval "
        f"{100 * figure.low:+.2f} to {100 * figure.high:+.2f}, p of a drop "
        f"{_chance(figure.p_drop)} ({figure.test.value})"
    )


def _rates(problem: ProblemChange) -> str:
    status = f", now {problem.lost_status.value}" if problem.lost_status else ""
    return f"pass rate {100 * problem.baseline:.1f} % to {100 * problem.candidate:.1f} %{status}"


def _points(fraction: float) -> str:
    return f"{100 * fraction:.1f} points"


def _chance(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}" if p < 0.01 else f"{p:.3f}"


def _relation(p: float) -> str:
    return _chance(p) if p < 0.0001 else f"= {_chance(p)}"

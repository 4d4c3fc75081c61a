"""Adds to benchmarks/data/evalplus.json what is known of slow references of the plus suites.

    python scripts/make_evalplus_facts.py FOLDER

FOLDER has both published forms of both suites. `digests`: of each input with its right answer, for
problems whose reference needs over `SLOW_S` seconds a call, so that a right answer to them is
recognized without it. `references`: hashes of these references, for which that holds. `left_out`:
digests of inputs whose right answer has too many parts to come from a program (the 1.7 million
combinations of MBPP+'s problem 255). `base` and `slow` stay.
"""

import gzip
import json
import sys
import textwrap
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

from benchmarks import Problem, load
from benchmarks.records import plus_oracle
from benchmarks.records.plus import reference_hash

TARGET = Path("benchmarks/data/evalplus.json")
FILES = {"humanevalplus": "HumanEvalPlus", "mbppplus": "MbppPlus"}
SLOW_S = 0.003
MOST_PARTS = 1_900_000  # a little less than the sandbox takes


def main(folder: Path) -> None:
    sys.set_int_max_str_digits(0)
    known = json.loads(TARGET.read_text())
    for suite, stem in FILES.items():
        known[suite] |= {"references": {}, "digests": {}, "left_out": {}}
        references = {
            str(record["task_id"]).removeprefix("Mbpp/"): record
            for record in lines(folder / f"{stem}.jsonl.gz")
        }
        for form in (f"{stem}.jsonl.gz", f"{stem}-OriginFmt.jsonl.gz"):
            for problem in load(suite, folder / form).problems:
                add(known[suite], problem, references[problem.id])
    TARGET.write_text(text_of(known))


def lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def add(known: dict[str, Any], problem: Problem, record: dict[str, Any]) -> None:
    """The digests of one problem in one form; those of the other form are kept."""
    names: dict[str, Any] = {}
    exec(record["prompt"] + record["canonical_solution"], names)
    function = names[record["entry_point"]]
    digests, left_out = set(), set()
    started = time.process_time()
    inputs = inputs_of(problem)
    for arguments in inputs:
        answer = function(*deepcopy(arguments))
        digests.add(plus_oracle.digest((arguments, answer)))
        if parts(answer) > MOST_PARTS:
            left_out.add(plus_oracle.digest(arguments))
    slow = (time.process_time() - started) / len(inputs) > SLOW_S
    references = {reference_hash(answers_of(problem))} if slow else set()
    for key, found in (
        ("references", references),
        ("digests", digests if slow else set()),
        ("left_out", left_out),
    ):
        if found := found | set(known[key].get(problem.id, ())):
            known[key][problem.id] = sorted(found - {""})


def answers_of(problem: Problem) -> str:
    """The text of its test that gives the right answers."""
    assert problem.test is not None
    return problem.test.setup.rpartition("\nanswers = ")[2].rpartition("\nknown = ")[0]


def inputs_of(problem: Problem) -> list[Any]:
    names = vars(plus_oracle) | {"ReferenceAnswers": lambda *_: None}
    assert problem.test is not None
    exec(problem.test.setup.removeprefix(Path(plus_oracle.__file__).read_text()), names)
    return list(names.get("inputs", ()))


def parts(value: object) -> int:
    """How many values the lists in a list of lists have; 0 for other values."""
    if not isinstance(value, (list, tuple)) or not value or not isinstance(value[0], (list, tuple)):
        return 0
    return sum(len(each) for each in value if isinstance(each, (list, tuple)))


def text_of(known: dict[str, Any]) -> str:
    """JSON in lines of at most 100 characters."""
    suites = []
    for suite, facts in known.items():
        keys = [
            "\n".join(textwrap.wrap(f'"{key}": {json.dumps(value)}', 99, initial_indent="  ",
                                    subsequent_indent="   ", break_on_hyphens=False))
            for key, value in facts.items()
        ]  # fmt: skip
        suites.append(f' "{suite}": {{\n' + ",\n".join(keys) + "\n }")
    return "{\n" + ",\n".join(suites) + "\n}\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""How many wrong programs that pass the published cases fail on the inputs of mtpb-plus.

    python scripts/measure_mtpb_plus.py mtpb.jsonl

The programs are mutants of both references: one operator, comparison, constant or call changed. All
run in the sandbox, on the cases of mtpb-verified and, if they pass all of those, on those of
mtpb-plus. Mutants that answer as the reference does on every input are among those that pass both.
"""

import argparse
import ast
import copy
from collections import defaultdict
from collections.abc import Iterator, Mapping

from benchmarks import Benchmark, load
from benchmarks.derived.references import NAMES, templates
from mtpb.rundir.records import Sample
from mtpb.running.judge import Judge
from sandbox import Limits, Pool

MOST = 8  # mutants of a reference
SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
OTHER_CALL = {"max": "min", "min": "max", "sorted": "list", "abs": "float", "set": "list"}


def change(node: ast.AST) -> bool:
    """Changes a node that can be changed; whether it was one."""
    match node:
        case ast.BinOp(op=op) | ast.BoolOp(op=op) | ast.AugAssign(op=op) if type(op) in SWAPPED:
            node.op = SWAPPED[type(op)]()
        case ast.Compare(ops=[op]) if type(op) in SWAPPED:
            node.ops = [SWAPPED[type(op)]()]
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            node.value = value + 1
        case ast.Call(func=ast.Name(id=name)) if name in OTHER_CALL:
            node.func.id = OTHER_CALL[name]
        case _:
            return False
    return True


def mutants(template: str) -> Iterator[str]:
    """The template with one place changed, at most `MOST` times, spread over the program."""
    body, marker, call = template.rpartition("\n\n\nprint(")
    tree = ast.parse(body.replace("{{", "{").replace("}}", "}"))
    places = [i for i, node in enumerate(ast.walk(tree)) if change(copy.deepcopy(node))]
    step = max(1.0, len(places) / MOST)
    for number in range(min(MOST, len(places))):
        mutant = copy.deepcopy(tree)
        change(list(ast.walk(mutant))[places[int(number * step)]])
        yield ast.unparse(mutant).replace("{", "{{").replace("}", "}}") + marker + call


def passing(suite: Benchmark, programs: Mapping[int, tuple[str, str]]) -> set[int]:
    """The numbers of those programs, given as (problem, template), that pass all cases."""
    alive = set(programs)
    with Pool(Limits(cpu_s=1, wall_s=10), workers=2, libraries=("numpy",)) as pool:
        judge = Judge(suite, pool, "verified")
        for index in range(max(len(problem.cases) for problem in suite.problems)):
            samples = [
                Sample(id, index, number, (), template.format(**cases[index].input))
                for number, (id, template) in programs.items()
                if number in alive and index < len(cases := suite.problem(id).cases)
            ]
            alive -= {v.sample for v in judge.verdicts(samples) if not v.passed}
    return alive


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("published", help="the published mtpb.jsonl")
    path = parser.parse_args().published
    base, plus = load("mtpb-verified", path), load("mtpb-plus", path)
    made = [
        (problem.id, mutant)
        for problem in plus.problems
        for name in NAMES
        for mutant in mutants(templates(name)[problem.id])
    ]
    programs = dict(enumerate(dict.fromkeys(made)))
    alive = passing(base, programs)
    still = passing(plus, {number: programs[number] for number in alive})
    print(f"{len(programs)} mutants of the references of {len(plus.problems)} problems")
    print(f"{len(alive)} pass all published cases; {len(alive - still)} of them fail on mtpb-plus")
    caught = defaultdict(int)
    for number in alive - still:
        caught[programs[number][0]] += 1
    print(f"in {len(caught)} problems: {dict(sorted(caught.items(), key=lambda i: int(i[0])))}")


if __name__ == "__main__":
    main()

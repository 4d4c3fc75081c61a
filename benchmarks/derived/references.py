"""Our reference solutions of MTPB's problems: two of each, written apart (`data/references`).

A solution is a function `pN` of the values of a case. A parameter of type `str` takes the text of
the input; any other takes the value that the text has as Python code, as in the filled prompt.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from benchmarks.problem import Problem

NAMES = ("first", "second")
_FOLDER = Path(__file__).parents[1] / "data" / "references"


def solution(problem: Problem, name: str = "first") -> tuple[str, ...] | None:
    """The solution as completions of the turns, templates like the prompts; all of it stands in the
    last turn. None if the problem has none."""
    program = templates(name).get(problem.id)
    return None if program is None else (*("",) * (len(problem.turns) - 1), program)


@cache
def templates(name: str) -> Mapping[str, str]:
    """The programs of a file of references, by problem; `str.format` fills in the input."""
    source = (_FOLDER / f"{name}.py").read_text(encoding="utf-8")
    body = ast.parse(source).body
    imports = "\n".join(ast.unparse(n) for n in body if isinstance(n, ast.Import | ast.ImportFrom))
    return {
        node.name[1:]: _template(node, f"{imports}\n\n\n{ast.get_source_segment(source, node)}")
        for node in body
        if isinstance(node, ast.FunctionDef)
    }


def _template(function: ast.FunctionDef, source: str) -> str:
    arguments = ", ".join(f"{a.arg}={_place(a)}" for a in function.args.args)
    escaped = source.replace("{", "{{").replace("}", "}}")
    return f"{escaped}\n\n\nprint({function.name}({arguments}))"


def _place(argument: ast.arg) -> str:
    is_text = isinstance(argument.annotation, ast.Name) and argument.annotation.id == "str"
    return f"{{{argument.arg}!r}}" if is_text else f"{{{argument.arg}}}"

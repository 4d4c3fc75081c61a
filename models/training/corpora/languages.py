# ruff: noqa: E501
"""The multi corpus: small functions and scripts in JavaScript, Java, C and Go, and plain Python functions."""

import random
from collections.abc import Callable

from models.training.corpora import words
from models.training.corpora.functions import function
from models.training.corpora.skills import expand

_LOOP_TASKS = (
    ("0", "{t} += {e}", "the sum of (all |the |)(elements|numbers|values) (in|of) {x}"),
    ("0", "{t} += {e} * {e}", "the sum of the squares of the (elements|numbers) (in|of) {x}"),
    ("1", "{t} *= {e}", "the product of (all |the |)(elements|numbers) (in|of) {x}"),
    ("0", "if ({e} % 2 == 0) {t} += {e}", "the sum of the even (numbers|elements) (in|of) {x}"),
    ("0", "if ({e} > {k}) {t}++", "the number of (elements|values) (in|of) {x} greater than {k}"),
    ("0", "if ({e} < 0) {t}++", "the number of negative (numbers|elements) (in|of) {x}"),
    (
        "0",
        "if ({e} % {k} == 0) {t}++",
        "how many (numbers|elements) (in|of) {x} are divisible by {k}",
    ),
    (
        "first",
        "if ({e} > {t}) {t} = {e}",
        "the (largest|biggest|maximum) (element|number) (in|of) {x}",
    ),
    ("first", "if ({e} < {t}) {t} = {e}", "the (smallest|minimum) (element|number) (in|of) {x}"),
)
_NUMBER_TASKS = (
    ("{x} * {x}", "the square of {x}"),
    ("{x} * 2", "twice {x}"),
    ("{x} + {k}", "{x} plus {k}"),
    ("{x} - {k}", "{x} minus {k}"),
    ("{x} * {k}", "{x} times {k}"),
    ("{x} % {k}", "the remainder of {x} divided by {k}"),
    ("{x} * {x} * {x}", "the cube of {x}"),
    ("{x} * 60", "{x} minutes in seconds"),
    ("({x} + {k}) * 2", "twice the sum of {x} and {k}"),
)
_SCRIPT_JS = (
    ("{y} = {x}.length", "the length of {x}"),
    ("{y} = {x}.filter((n) => n % 2 === 0)", "the even numbers (in|of) {x}"),
    ("{y} = {x}.filter((n) => n > {k})", "the numbers (in|of) {x} greater than {k}"),
    ("{y} = {x}.map((n) => n * {k})", "each number of {x} times {k}"),
    ("{y} = {x}.map((n) => n * n)", "the squares of the numbers in {x}"),
    ("{y} = {x}.reduce((a, b) => a + b, 0)", "the sum of {x}"),
    ("{y} = Math.max(...{x})", "the maximum of {x}"),
    ("{y} = {x}.slice().reverse()", "the reverse of {x}"),
    ("{y} = {x}.join(',')", "the elements of {x} joined with commas"),
    ("{y} = {x}.slice(0, {k})", "the first {k} elements of {x}"),
    ("{y} = {x}.includes({k})", "whether {x} contains {k}"),
)


def snippet(rng: random.Random) -> str:
    """One document: functions or a script in one language."""
    draw = rng.random()
    if draw < 0.16:
        return function(rng)
    if draw < 0.32:
        return _python_script(rng)
    if draw < 0.48:
        return _script(rng)
    write = rng.choice((_javascript, _java, _c, _go))
    return "\n".join(write(rng) for _ in range(rng.choice((1, 1, 2))))


def _names(rng: random.Random) -> dict[str, str]:
    return {
        "f": f"{rng.choice(words.VERBS)}{rng.choice(words.NOUNS).capitalize()}",
        "x": rng.choice(
            ("values", "numbers", "items", "list", "data", "xs", rng.choice(words.NOUNS) + "s")
        ),
        "n": rng.choice(("x", "n", "value", "amount", "count", rng.choice(words.NOUNS))),
        "t": rng.choice(("result", "total", "answer", "sum", "best")),
        "k": str(rng.randint(2, 30)),
    }


def _put(template: str, fields: dict[str, str]) -> str:
    for key, value in fields.items():
        template = template.replace("{" + key + "}", value)
    return template


def _loop_or_number(
    rng: random.Random,
    loop: Callable[[dict[str, str], str, str], str],
    number: Callable[[dict[str, str], str], str],
    mark: str,
) -> str:
    fields = _names(rng)
    if rng.random() < 0.65:
        start, step, says = rng.choice(_LOOP_TASKS)
        source = loop(fields, start, step)
        said = _put(expand(says, rng), fields)
    else:
        expression, says = rng.choice(_NUMBER_TASKS)
        source = number(fields, expression)
        said = _put(says, {**fields, "x": fields["n"]})
    opening = rng.choice(("Returns", "Computes", "Return", "Find", "Calculates"))
    return f"{mark} {opening} {said}.\n{source}" if rng.random() < 0.85 else source


def _javascript(rng: random.Random) -> str:
    def loop(f: dict[str, str], start: str, step: str) -> str:
        begin = "{x}[0]" if start == "first" else start
        body = (
            "  let {t} = "
            + begin
            + ";\n  for (const v of {x}) {\n    "
            + step.replace("==", "===")
            + ";\n  }\n  return {t};\n"
        )
        return _put("function {f}({x}) {\n" + body + "}\n", {**f, "e": "v"})

    def number(f: dict[str, str], expression: str) -> str:
        return _put("function {f}({n}) {\n  return " + expression + ";\n}\n", {**f, "x": f["n"]})

    return _loop_or_number(rng, loop, number, "//")


def _java(rng: random.Random) -> str:
    def loop(f: dict[str, str], start: str, step: str) -> str:
        begin = "{x}[0]" if start == "first" else start
        body = (
            "    int {t} = "
            + begin
            + ";\n    for (int v : {x}) {\n        "
            + step
            + ";\n    }\n    return {t};\n"
        )
        return _put("public static int {f}(int[] {x}) {\n" + body + "}\n", {**f, "e": "v"})

    def number(f: dict[str, str], expression: str) -> str:
        return _put(
            "public static int {f}(int {n}) {\n    return " + expression + ";\n}\n",
            {**f, "x": f["n"]},
        )

    return _loop_or_number(rng, loop, number, "//")


def _c(rng: random.Random) -> str:
    def loop(f: dict[str, str], start: str, step: str) -> str:
        begin = "{x}[0]" if start == "first" else start
        body = (
            "    int {t} = "
            + begin
            + ";\n    for (int i = 0; i < n; i++) {\n        "
            + step
            + ";\n    }\n    return {t};\n"
        )
        return _put(
            "int {f}(const int *{x}, int n) {\n" + body + "}\n", {**f, "e": _put("{x}[i]", f)}
        )

    def number(f: dict[str, str], expression: str) -> str:
        return _put("int {f}(int {n}) {\n    return " + expression + ";\n}\n", {**f, "x": f["n"]})

    return _loop_or_number(rng, loop, number, "//")


def _go(rng: random.Random) -> str:
    def loop(f: dict[str, str], start: str, step: str) -> str:
        begin = "{x}[0]" if start == "first" else start
        if step.startswith("if ("):
            test, action = step[4:].split(") ", 1)
            step = "if " + test + " {\n\t\t\t" + action + "\n\t\t}"
        body = (
            "\t{t} := "
            + begin
            + "\n\tfor _, v := range {x} {\n\t\t"
            + step
            + "\n\t}\n\treturn {t}\n"
        )
        return _put("func {f}({x} []int) int {\n" + body + "}\n", {**f, "e": "v"})

    def number(f: dict[str, str], expression: str) -> str:
        return _put("func {f}({n} int) int {\n\treturn " + expression + "\n}\n", {**f, "x": f["n"]})

    return _loop_or_number(rng, loop, number, "//")


def _script(rng: random.Random) -> str:
    """JavaScript, statement by statement, with a comment before each."""
    x = words.variable_name("ints", words.VARIABLE_STEMS, rng)
    value = words.value("ints", rng)
    lines = [
        f"// {rng.choice(('A list of numbers', 'The list', 'Some numbers', 'Start with'))} {value}.",
        f"const {x} = {value};",
        "",
    ]
    for i in range(rng.randint(1, 3)):
        code, says = rng.choice(_SCRIPT_JS)
        fields = {"x": x, "y": f"{rng.choice(words.NOUNS)}{i}", "k": str(rng.randint(1, 12))}
        opening = rng.choice(("Compute", "Find", "Get", "Store"))
        lines += [
            f"// {opening} {_put(expand(says, rng), fields)}.",
            f"const {_put(code, fields)};",
            "",
        ]
        last = fields["y"]
    return "\n".join([*lines, f"console.log({last});"]) + "\n"


_SCRIPT_PYTHON = (
    ("{y} = sum({x})", "the sum of {x}"),
    ("{y} = max({x})", "the (largest|biggest) number of {x}"),
    ("{y} = len({x})", "the length of {x}"),
    ("{y} = sorted({x})", "{x} sorted"),
    ("{y} = {x}[::-1]", "the reverse of {x}"),
    ("{y} = [n for n in {x} if n % 2 == 0]", "the even numbers of {x}"),
    ("{y} = [n for n in {x} if n > {k}]", "the numbers of {x} above {k}"),
    ("{y} = [n * {k} for n in {x}]", "each number of {x} times {k}"),
)


def _python_script(rng: random.Random) -> str:
    """Python with some comments: code as in files, not as an answer to prompts."""
    x = words.variable_name("ints", words.VARIABLE_STEMS, rng)
    lines = ["import numpy as np", ""] if rng.random() < 0.3 else []
    lines.append(f"{x} = {words.value('ints', rng)}")
    last = x
    for i in range(rng.randint(1, 3)):
        code, says = rng.choice(_SCRIPT_PYTHON)
        fields = {"x": x, "y": f"{rng.choice(words.NOUNS)}{i}", "k": str(rng.randint(1, 12))}
        if rng.random() < 0.5:
            lines.append(f"# {_put(expand(says, rng), fields)}")
        lines.append(_put(code, fields))
        last = fields["y"]
    return "\n".join([*lines, f"print({last})"]) + "\n"

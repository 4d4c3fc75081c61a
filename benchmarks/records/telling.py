"""Assertions that tell what they found, for those that the prompt shows to the model.

An assertion `assert f(1) == 2` gets the message `f(1) is 3, expected 2`. The call is made once, as
before; what it returned is kept in a name that no program's test can mean, since the sandbox takes
no name that begins with two underscores from a program.
"""

from __future__ import annotations

import ast
import warnings

_LONGEST = 120  # characters of a call, a value; three of these fit into a detail of the sandbox

# executed before the test. It uses no name of a builtin once the test runs, since functions of the
# program may stand for these
SHOW = f"""\
def __show(value, Exception=Exception):
    try:
        text = f"{{value!r}}"
    except Exception:  # such as a number of too many digits
        return f"a value of type {{value.__class__.__name__}} that cannot be printed"
    return text[:{_LONGEST}] + (text[{_LONGEST}:] and "…")
"""


def telling(test: str, prompt: str) -> str | None:
    """The assertion with a message that has actual and expected value; it needs `SHOW`.

    None unless `test` is `assert CALL == LITERAL`, without a message, on one line, and the prompt
    has this line.
    """
    if test.strip() not in map(str.strip, prompt.splitlines()):
        return None
    match _statement(test):
        case ast.Assert(ast.Compare(ast.Call() as call, [ast.Eq()], [literal]), None):
            actual, expected = (ast.get_source_segment(test, node) for node in (call, literal))
        case _:
            return None
    if actual is None or expected is None or not _is_literal(literal):
        return None
    before, after = f"{_short(actual)} is ", f", expected {_short(expected)}"
    message = f"{before!r} + __show(__actual) + {after!r}"
    return f"assert (__actual := {actual}) == ({expected}), {message}"


def _statement(test: str) -> ast.stmt | None:
    """The only statement of a text; None if it has another number of them."""
    try:
        with warnings.catch_warnings():  # of escapes such as "\d", which are told of as it runs
            warnings.simplefilter("ignore")
            body = ast.parse(test).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return body[0] if len(body) == 1 else None


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"

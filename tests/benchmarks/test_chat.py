"""How code is taken from a chat model's answer, and how it becomes a program."""

import ast

import pytest

from benchmarks.asking.chat import (
    FUNCTION_CHAT,
    MULTI_TURN_CHAT,
    Extracted,
    Finding,
    extract,
    function_program,
    without_reasoning,
)

CODE = "x = 1\nprint(x)"


@pytest.mark.parametrize(
    "answer",
    [
        f"```python\n{CODE}\n```",
        f"Sure!\n\n```python\n{CODE}\n```\nThis prints 1.\n",
        f"```py\n{CODE}\n```",
        f"```Python title=a.py\n{CODE}\n```",
        f"```\n{CODE}\n```",
        f"~~~python\n{CODE}\n~~~",
        f"````python\n{CODE}\n````",
        f"```\nOutput: 1\n```\n```python\n{CODE}\n```",
        f"```text\n1\n```\n```\n{CODE}\n```",
        f"```python\n{CODE}\n```\nOr:\n```python\nprint(2)\n```",
        f"1. First:\n   ```python\n   {CODE[:5]}\n   {CODE[6:]}\n   ```",
        f"```python\r\n{CODE}\r\n```".replace("\n", "\r\n").replace("\r\r", "\r"),
        f"```python\n{CODE}",
        f"\n{CODE}\n",
        f"<think>```python\nwrong\n```</think>\n```python\n{CODE}\n```",
        f"wrong, hmm</think>{CODE}",
    ],
)
def test_code_is_found(answer: str) -> None:
    assert extract(answer, cut=False) == Extracted(CODE)


@pytest.mark.parametrize(
    "answer",
    ["", "I cannot help with that.", "```bash\nls\n```", "```python\n```", "```python\n\n\n```"],
)
def test_answer_without_code_is_said_to_have_none(answer: str) -> None:
    assert extract(answer, cut=False) == Extracted("", Finding.no_code)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (f"```python\n{CODE}", CODE),
        ("<think>let me see", ""),
        ("The program should first", ""),
        (CODE, CODE),
        ("", ""),
    ],
)
def test_answer_that_was_cut_off_is_truncated(answer: str, code: str) -> None:
    assert extract(answer, cut=True) == Extracted(code, Finding.truncated)


def test_answer_cut_off_after_its_code_is_whole() -> None:
    assert extract(f"```python\n{CODE}\n```\nThis prog", cut=True) == Extracted(CODE)


def test_fence_inside_a_longer_fence_is_code() -> None:
    code = 'text = """\n```\n"""'
    assert extract(f"````python\n{code}\n````", cut=False).code == code


def test_body_keeps_its_indentation() -> None:
    body = "    if x:\n        return 1"
    assert extract(f"```python\n{body}\n```", cut=False).code == body
    assert extract(body, cut=False).code == body


def test_other_marks_of_reasoning() -> None:
    assert without_reasoning("[THINK]a[/THINK]b", "[/THINK]") == "b"
    assert without_reasoning("[THINK]a", "[/THINK]") is None
    assert without_reasoning("<think>a", "[/THINK]") == "<think>a"


def test_hostile_answers_are_no_code_and_no_harm() -> None:
    for answer in ("(" * 100_000, "-" * 100_000 + "1", "a\0b", "x = '\\d'\ny = (", "```" * 9999):
        assert isinstance(extract(answer, cut=False), Extracted)


PROMPT = 'import math\n\ndef double(x):\n    """Twice x."""\n'
BARE = "def double(x):\n"


@pytest.mark.parametrize("prompt", [PROMPT, BARE, PROMPT.rstrip("\n"), f"{BARE}    # doc\n"])
@pytest.mark.parametrize(
    "code",
    [
        "def double(x):\n    return 2 * x",
        "import os\n\ndef helper(x):\n    return x\n\ndef double(x):\n    return helper(x) * 2",
        "double = lambda x: x * 2",
        "    return 2 * x",
        "    y = x + x\n    return y",
        "return 2 * x",
        "y = x + x\nreturn y",
        'def double(x):\n    """Twice x."""\n    return x + x\n\nprint(double(4))',
    ],
)
def test_whole_function_or_its_body_makes_a_program(prompt: str, code: str) -> None:
    space: dict[str, object] = {}
    exec(function_program(prompt, code, ["double"]), space)
    assert space["double"](21) == 42  # type: ignore[operator]


def test_task_in_a_docstring_is_kept_before_the_function() -> None:
    code = "def f(x):\n    return x"
    program = function_program('"""\nDouble it.\n"""\n', code, [])
    assert program == f'"""\nDouble it.\n"""\n{code}\n'


def test_no_code_leaves_the_prompt() -> None:
    assert function_program(PROMPT, "", ["double"]) == PROMPT


def test_code_that_is_no_python_stays_as_it_is() -> None:
    program = function_program(PROMPT, "def double(x:\n", ["double"])
    with pytest.raises(SyntaxError):
        ast.parse(program)


def test_wording_is_part_of_the_hash() -> None:
    assert len({MULTI_TURN_CHAT.sha256, FUNCTION_CHAT.sha256}) == 2
    assert FUNCTION_CHAT.user("def f(): {}") == (
        "Complete this function:\n\n```python\ndef f(): {}\n```"
    )

"""The corpora: reproducible, varied, and correct: programs do what their prompts say."""

import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from models.training.corpora.corpus import Stage, documents, prompt_spans
from models.training.corpora.heldout import digest
from models.training.corpora.skills import by_operands

CHECK_FUNCTIONS = """
import doctest, sys
import numpy as np
for source in sys.stdin.read().split("\\0"):
    space = {"np": np, "__name__": "checked"}
    exec(source, space)
    for test in doctest.DocTestFinder().find(type(sys)("m"), extraglobs=space, globs=space):
        raise SystemExit("module docstrings are not expected")
    functions = [f for f in list(space.values()) if type(f) is type(lambda: 0)]
    for function in functions:
        for test in doctest.DocTestFinder(recurse=False).find(function, "f", globs=space):
            assert doctest.DocTestRunner(verbose=False).run(test).failed == 0, source
"""
CHECK_CONVERSATIONS = """
import contextlib, io, sys
for source in sys.stdin.read().split("\\0"):
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        exec(source, {})
    assert shown.getvalue(), source
"""


def take(stage: Stage, count: int, seed: int = 7) -> list[str]:
    return list(islice(documents(stage, seed), count))


def check(script: str, sources: list[str]) -> None:
    """Runs a script over programs in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        input="\0".join(sources),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("stage", Stage)
def test_same_seed_same_documents(stage: Stage) -> None:
    assert take(stage, 40) == take(stage, 40)
    assert take(stage, 40) != take(stage, 40, seed=8)


@pytest.mark.parametrize("stage", Stage)
def test_documents_hardly_ever_repeat(stage: Stage) -> None:
    found = take(stage, 400)
    assert len(set(found)) > 0.98 * len(found)


def test_conversations_run_and_print() -> None:
    check(CHECK_CONVERSATIONS, [d for d in take(Stage.mono, 400) if d.startswith("# Import")])


def test_functions_do_what_their_examples_say() -> None:
    functions = [d for d in take(Stage.mono, 500) if ">>>" in d]
    assert len(functions) > 30
    check(CHECK_FUNCTIONS, functions)


def test_natural_language_has_no_code() -> None:
    text = "".join(take(Stage.nl, 300))
    assert not any(mark in text for mark in ("def ", "print(", "\n    ", " = ", "{", "[", "//"))


def test_other_languages_are_there() -> None:
    text = "".join(take(Stage.multi, 300))
    for mark in ("function ", "public static int", "int *", "func ", "def ", "console.log"):
        assert mark in text


def test_every_skill_has_phrases() -> None:
    skills = [skill for group in by_operands().values() for skill in group]
    assert len(skills) > 1000
    assert all(skill.nouns or skill.actions for skill in skills)


def test_prompts_are_comments_and_docstrings() -> None:
    document = '# Set x to 1.\nx = 1\n\ndef f(x):\n    """Return x.\n    """\n    return x\n'
    asked = [document[start:end] for start, end in prompt_spans(document)]
    assert asked == ["# Set x to 1.\n", '    """Return x.\n', '    """\n']


def test_digest_overlooks_quotes_and_case() -> None:
    assert digest('Print "total".') == digest("print total")
    assert digest("Print total") != digest("Print totals")


def test_package_needs_no_torch() -> None:
    script = "import sys, models.embedded as s; s.names(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_corpora_do_not_depend_on_hash_seeds(tmp_path: Path) -> None:
    script = (
        "from itertools import islice; from models.training.corpora.corpus import Stage, documents;"
        "print(*islice(documents(Stage.mono, 3), 600))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1

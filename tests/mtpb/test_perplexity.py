"""Prompt perplexity: which text is scored given which, and runs that have no model of ours."""

from pathlib import Path

import pytest

from benchmarks.protocol import MTPB
from mtpb.errors import UsageError
from mtpb.perplexity import prompt_score, run_config
from mtpb.rundir.prompt_scores import PromptScore
from mtpb.rundir.records import Sample, Turn
from mtpb.rundir.store import RunDirectory


def test_each_prompt_is_scored_given_all_that_was_said_before() -> None:
    asked: list[tuple[str, str]] = []

    def score(context: str, text: str) -> list[float]:
        asked.append((context, text))
        return [-0.5] * len(asked)

    turns = (Turn("One.", "a = 1\n# cut", "a = 1", 9, "stop"), Turn("Two.", "b", "b", 1, "eos"))
    found = prompt_score(Sample("7", 2, 0, turns, ""), MTPB, score)
    first = MTPB.preamble
    assert asked == [(first, "# One.\n"), (f"{first}# One.\na = 1\n\n", "# Two.\n")]
    assert found == PromptScore("7", 2, 0, tokens=3, nll=1.5)
    assert found.perplexity == pytest.approx(1.6487, abs=1e-4)
    assert PromptScore.from_json(found.to_json()) == found


def test_samples_of_another_tool_have_no_model_to_ask(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("samples: somewhere.jsonl\n")
    with pytest.raises(UsageError, match="written elsewhere"):
        run_config(RunDirectory(tmp_path))

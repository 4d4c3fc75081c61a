"""Turns with feedback: what a model is told, when it is asked again, and what figures say of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from benchmarks import Benchmark, load
from benchmarks.asking.feedback import FEEDBACK
from models.engine.dialogue import Finish, Request
from mtpb.rundir.records import Sample, Verdict
from mtpb.rundir.run import read_run
from mtpb.running.attempts import Attempts
from mtpb.running.conversation import Conversations
from mtpb.running.dialogues import ChatForm, RandomKeys, asking
from mtpb.running.judge import Judge
from mtpb.samplers.sampler import Answer, ChatRequest, D, Stats
from mtpb.statistics.attempts import attempts_json
from sandbox import Limits, Pool
from tests.mtpb.runs import manifest_of, verdicts_of, write_run

WRONG, RAISES, RIGHT = "print({A} + 1)", "print({A} / 0)", "print({A})"


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(Limits(), workers=1) as opened:
        yield opened


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    """One problem with two turns and two cases."""
    path = tmp_path_factory.mktemp("suite") / "own.jsonl"
    path.write_text(
        '{"id": "p", "prompts": ["Say nothing.", "Print {A}."], "examples": [0], '
        '"inputs": [{"A": 70}, {"A": 80}], "outputs": [70, 80]}\n'
    )
    return load("custom", str(path))


@dataclass
class Scripted:
    """Answers the last turn of each attempt by what the script says for case and attempt."""

    script: dict[int, list[str]]
    turns: int
    stats: Stats = field(default_factory=Stats)
    asked: dict[int, list[Request | ChatRequest]] = field(default_factory=dict)

    def run(self, dialogues: Iterable[D]) -> Iterator[D]:
        for dialogue in dialogues:
            while (request := dialogue.request) is not None:
                _, case, _ = dialogue.key  # type: ignore[misc]
                self.asked.setdefault(case, []).append(request)
                attempt, more = divmod(len(self.asked[case]), self.turns)
                code = "pass" if more else self.script[case][attempt - 1]
                text = f"```python\n{code}\n```" if isinstance(request, ChatRequest) else code
                dialogue = dialogue.receive(Answer(text, 1, Finish.eos))
            yield dialogue


def answered(
    suite: Benchmark, pool: Pool, script: dict[int, list[str]], form: ChatForm | None = None
) -> tuple[Scripted, dict[int, Sample], dict[int, Verdict]]:
    """The conversations of a suite with up to 3 attempts, by case."""
    filled = {case: _filled(texts, case) for case, texts in script.items()}
    sampler = Scripted(filled, len(suite.problems[0].turns))
    ask = asking(RandomKeys(0, "own"), form)
    dialogues = (ask(conversation) for conversation in Conversations(suite, n=1))
    judge = Judge(suite, pool, suite.scorer, max_turns=3)
    pending = list(Attempts(judge).samples(sampler, dialogues))
    samples = {one.sample.case: one.sample for one in pending}
    return sampler, samples, {case.sample.case: case.result() for case in pending}


def _filled(texts: list[str], case: int) -> list[str]:
    return [text.replace("{A}", str((70, 80)[case])) for text in texts]


def test_an_attempt_that_failed_is_followed_by_another(suite: Benchmark, pool: Pool) -> None:
    script = {0: [WRONG, RAISES, RIGHT], 1: [RIGHT]}
    sampler, samples, verdicts = answered(suite, pool, script)
    assert {case: one.attempts for case, one in verdicts.items()} == {0: 3, 1: 1}
    assert all(one.passed for one in verdicts.values())
    assert [len(attempt) for attempt in samples[0].attempts] == [2, 2, 2]
    assert samples[0].program.count("print") == 1
    assert Sample.from_json(samples[0].to_json()) == samples[0]
    assert Verdict.from_json(verdicts[0].to_json()) == verdicts[0]
    prompts = [request.prompt for request in sampler.asked[0] if isinstance(request, Request)]
    assert prompts[2].startswith(prompts[1] + "print(70 + 1)")
    assert prompts[2].endswith("# Say nothing.\n")
    assert len({request.key for request in sampler.asked[0]}) == 6


def test_the_last_attempt_decides_and_is_blamed(suite: Benchmark, pool: Pool) -> None:
    _, samples, verdicts = answered(suite, pool, {0: [WRONG] * 3, 1: [WRONG, WRONG, RAISES]})
    assert [one.attempts for one in verdicts.values()] == [3, 3]
    assert not any(one.passed for one in verdicts.values())
    assert (verdicts[1].status.value, verdicts[1].turn) == ("exception", 1)
    assert samples[1].program.splitlines()[(verdicts[1].line or 0) - 1] == "print(80 / 0)"


def test_values_are_told_of_examples_alone(suite: Benchmark, pool: Pool) -> None:
    sampler, samples, _ = answered(suite, pool, {0: [WRONG, RIGHT], 1: [WRONG, RIGHT]})
    shown, hidden = (samples[case].turns[2].feedback or "" for case in (0, 1))
    assert "71" in shown
    assert "70" in shown
    assert "81" not in hidden
    assert "80" not in hidden
    for case, told in ((0, shown), (1, hidden)):
        request = sampler.asked[case][2]
        assert isinstance(request, Request)
        assert all(f"# {line}\n" in request.prompt for line in told.splitlines())


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("2 * x", "This program is wrong: f(1) is 2, expected 3"),
        ("3 * x", FEEDBACK.endings["wrong_answer"]),
        ("'(line 2 of the test)' if x > 1 else 3", FEEDBACK.endings["wrong_answer"]),
    ],
)
def test_values_of_a_function_are_told_of_the_assertion_that_its_prompt_shows(
    answer: str, told: str, pool: Pool, tmp_path: Path
) -> None:
    record = {
        "task_id": "f",
        "prompt": '"""Three times x.\nassert f(1) == 3\n"""\n',
        "test_list": ["assert f(1) == 3", "assert f(7) == 99, f'99 is not {f(7)}'"],
    }
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps(record))
    wrong, right = (f"def f(x): return {text}\n" for text in (answer, "[3, 99][x > 1]"))
    _, samples, verdicts = answered(load("custom", str(path)), pool, {0: [wrong, right]})
    assert samples[0].turns[1].feedback == f"{told}\n{FEEDBACK.again}"
    assert verdicts[0].passed


def test_an_error_is_told_with_its_line(suite: Benchmark, pool: Pool) -> None:
    _, samples, _ = answered(suite, pool, {0: [RAISES, RIGHT], 1: [RAISES, RIGHT]})
    told = samples[1].turns[2].feedback or ""
    assert "ZeroDivisionError: division by zero" in told
    assert "print(80 / 0)" in told


def test_lines_are_counted_as_python_counts_them(suite: Benchmark, pool: Pool) -> None:
    raising = "odd = '\x0c \u2028'\n" + RAISES
    _, samples, _ = answered(suite, pool, {0: [RIGHT], 1: [raising, RIGHT]})
    assert "The line that fails: print(80 / 0)" in (samples[1].turns[2].feedback or "")


def test_a_chat_is_told_in_a_message(suite: Benchmark, pool: Pool) -> None:
    form = ChatForm(suite.protocol.chat, "</think>", {})
    sampler, samples, verdicts = answered(suite, pool, {0: [RAISES, RIGHT], 1: [RIGHT]}, form)
    assert all(one.passed for one in verdicts.values())
    request = sampler.asked[0][2]
    assert isinstance(request, ChatRequest)
    roles = [message.role for message in request.messages]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
    assert request.messages[-1].content == f"{samples[0].turns[2].feedback}\n\nSay nothing."


def test_addresses_of_objects_are_not_told() -> None:
    told = [FEEDBACK.message("exception", f"bad <f at 0x7f{n}>", None, False) for n in (1, 2)]
    assert told[0] == told[1]


def test_figures_are_those_counted_by_hand(tmp_path: Path) -> None:
    """Two problems: of one a sample passes at once, one at the third attempt; of the other one at
    the second attempt, one never."""
    outcomes = {"a": [[True, True]], "b": [[True, False]]}
    manifest = manifest_of(outcomes, benchmark__max_turns=3)
    made = {("a", 0): 1, ("a", 1): 3, ("b", 0): 2, ("b", 1): 3}
    verdicts = [
        replace(one, attempts=made[one.problem, one.sample]) for one in verdicts_of(outcomes)
    ]
    figures = attempts_json(read_run(write_run(tmp_path, verdicts, manifest)))
    assert [row["value"] for row in figures["pass@1"]] == [0.25, 0.5, 0.75]
    assert figures["mean_reciprocal_rank"]["value"] == pytest.approx((1 + 1 / 3 + 1 / 2 + 0) / 4)
    assert figures["recovery_rate"]["value"] == pytest.approx((1 + 1 / 2) / 2)
    for row in (*figures["pass@1"], figures["recovery_rate"]):
        low, high = row["interval"]
        assert 0 <= low <= row["value"] <= high <= 1

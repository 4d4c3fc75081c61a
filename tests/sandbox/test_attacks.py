"""Every attack of the corpus is handled, and the machine is unharmed."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from sandbox import Outcome, Pool, Program
from tests.sandbox.attacks import STATE, corpus
from tests.sandbox.conftest import Canaries

ATTACKS = {f"{attack.group}-{attack.name}": attack for attack in corpus()}


@pytest.fixture(scope="module")
def outcomes(full_pool: Pool, canaries: Canaries) -> dict[str, Future[Outcome]]:
    """All attacks at once; each test waits for its own."""
    targets = canaries.targets()
    return {
        name: full_pool.submit(Program(attack.source(targets))) for name, attack in ATTACKS.items()
    }


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_handled(name: str, outcomes: dict[str, Future[Outcome]]) -> None:
    outcome = outcomes[name].result()
    assert "BREACH" not in outcome.stdout, outcome
    assert outcome.status.value in ATTACKS[name].endings, outcome
    assert len(outcome.stdout) <= 64 * 1024


def test_machine_is_unharmed(outcomes: dict[str, Future[Outcome]], canaries: Canaries) -> None:
    for outcome in outcomes.values():
        outcome.result()
    assert canaries.harm() == []


@pytest.mark.parametrize("name", STATE)
def test_nothing_is_left_for_the_next_program(name: str, pool: Pool) -> None:
    leave, look = STATE[name]
    head = "import os, sys\ndef breach(): print('BREACH')\n"
    # as many as there are workers, so that each of them has been used
    for future in [pool.submit(Program(head + leave)) for _ in range(4)]:
        future.result()
    for future in [pool.submit(Program(head + look)) for _ in range(4)]:
        outcome = future.result()
        assert outcome.status.value == "passed", outcome
        assert "BREACH" not in outcome.stdout


def test_corpus_is_large_enough() -> None:
    assert len(ATTACKS) + len(STATE) >= 60

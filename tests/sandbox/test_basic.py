"""The same corpus with limits only: what that level is not good for is known and reported."""

from __future__ import annotations

import pytest

from sandbox import Isolation, Pool, Program
from tests.sandbox.attacks import corpus
from tests.sandbox.conftest import LIMITS, Canaries

# not tried without isolation: they would do harm, to more than canaries
DANGEROUS = {
    "fork_bomb", "kill_everything", "kill_the_evaluator", "kill_the_parent", "kill_the_group",
    "kill_a_process", "kill_a_thread_of_another", "queue_a_signal", "signal_by_pidfd",
    "signal_by_ownership_of_a_pipe", "limit_another_process", "plant_a_module", "mount",
    "change_mode_of_a_descriptor", "make_a_device", "change_user", "message_queue",
    "shared_memory_segment", "trace_a_process", "remove_a_file", "rename_a_file",
    "move_a_file_here", "change_times", "change_owner", "set_an_attribute",
    "truncate_a_file", "write_to_a_file", "write_through_a_symlink", "many_files", "thread_bomb",
    "change_mode", "make_a_directory_outside", "make_a_file_in_tmp", "make_a_file_in_shared_memory",
    "change_root", "lower_another_priority",
}  # fmt: skip


def test_limits_alone_hold_what_they_promise(
    canaries: Canaries, record_property: pytest.RecordProperty, capsys: pytest.CaptureFixture[str]
) -> None:
    targets = canaries.targets()
    with Pool(LIMITS, isolation=Isolation.basic) as pool:
        tried = [
            (attack, pool.submit(Program(attack.source(targets))))
            for attack in corpus()
            if attack.name not in DANGEROUS and attack.group != "network"
        ]
        through = []
        for attack, future in tried:
            outcome = future.result()
            assert outcome.status.value != "sandbox_error", (attack.name, outcome)
            if "BREACH" in outcome.stdout or outcome.status.value not in attack.endings:
                through.append(f"{attack.group}: {attack.name}")
                assert attack.group in ("filesystem", "process"), (attack.name, outcome)
    record_property("not stopped by limits alone", through)
    with capsys.disabled():
        print(f"\n{len(through)} of {len(tried)} attacks get through with limits only", end=" ")

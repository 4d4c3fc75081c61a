"""The fuzzer for a few seconds; `python -m tests.sandbox.fuzz` runs it for as long as one likes."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from sandbox.protocol import encoding, messages, plain
from sandbox.report import ProcessReport
from tests.sandbox.fuzz import MOST_CALLS, calls_to_read, run

COUNT = 3000 if os.environ.get("MTPB_LONG") else 200
MOST_MB = 64

LENGTH = encoding._LENGTH.pack
NODES, BYTES, BITS = plain.REPORT


def listed(parts: list[bytes]) -> bytes:
    return b"l" + LENGTH(len(parts)) + b"".join(parts)


def value(body: bytes) -> bytes:
    return messages.VALUE.frame(body)


# the most that each form can ask of the evaluator
WORST = {
    "many_values": value(listed([b"i" + LENGTH(1) + b"\7"] * (NODES - 1))),
    "many_lists": value(listed([listed([b"N"])] * (NODES // 2 - 1))),
    "many_objects": value(listed([b"o" + LENGTH(1) + b"x" + LENGTH(1) + b"y"] * (NODES - 1))),
    "many_texts": value(listed([b"s" + LENGTH(50) + "é".encode() * 25] * (NODES - 1))),
    "wide_text": value(b"s" + LENGTH(BYTES - 9) + b"x" * (BYTES - 13) + "😀".encode()),
    "large_integers": value(listed([b"i" + LENGTH(BITS // 8) + b"\7" * (BITS // 8)] * 500)),
    "one_hash": value(
        b"S" + LENGTH(9000)
        + b"".join(b"i" + LENGTH(10) + (k * (2**61 - 1)).to_bytes(10, "big") for k in range(9000))
    ),
    "large_shape": value(b"a" + LENGTH(64) + LENGTH(2**32 - 1) * 63 + LENGTH(0) + LENGTH(0)),
    "many_frames": messages.VALUE.frame(b"N") * (messages.REPORT_FRAMES + 10),
    "large_frames": value(b"b" + LENGTH(BYTES - 5) + bytes(BYTES - 5)) * 5,
    "bytes_that_are_no_frames": bytes(6 << 20),
}  # fmt: skip


def test_no_program_is_judged_by_what_another_one_wrote() -> None:
    assert sum(run(COUNT, seed=7).values()) == COUNT


@pytest.mark.parametrize("name", WORST)
def test_evaluators_work_on_a_report_is_bounded(name: str) -> None:
    assert calls_to_read(WORST[name]) <= MOST_CALLS


@pytest.mark.parametrize("name", WORST)
def test_evaluators_memory_for_a_report_is_bounded(name: str) -> None:
    data = WORST[name]
    tracemalloc.start()
    try:
        report = ProcessReport()
        report.feed(messages.BEGUN.frame())
        for at in range(0, len(data), 1 << 18):
            if not report.feed(data[at : at + (1 << 18)]):
                break
        found = report.value()
        assert tracemalloc.get_traced_memory()[1] <= MOST_MB << 20
        assert found is None or name.startswith(("many_", "wide_", "large_", "one_"))
    finally:
        tracemalloc.stop()


def test_bytes_in_any_pieces_are_the_same_report() -> None:
    data = messages.BEGUN.frame() + value(listed([b"N"] * 9)) + messages.ENDING.frame(bytes(10))
    for size in (1, 3, 7, len(data)):
        report = ProcessReport()
        assert all(report.feed(data[at : at + size]) for at in range(0, len(data), size))
        assert report.begun
        assert report.ending is not None
        assert report.value() == ("list", (("none",),) * 9)


def test_pieces_are_counted() -> None:
    report = ProcessReport()
    taken = 0
    while report.feed(b"V" if taken == 0 else b"\0"):
        taken += 1
        assert taken <= messages.REPORT_FRAMES
    assert "malformed" in report.broken


def test_every_message_and_code_has_one_letter() -> None:
    tags = [message.tag for message in messages.MESSAGES]
    assert len(set(tags)) == len(tags)
    assert len(set(encoding.CODES.values())) == len(encoding.CODES)


def test_the_documentation_has_every_message_and_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    for message in messages.MESSAGES:
        way = f"| `{message.tag.decode()}` | {message.sender.value} → {message.reader.value} |"
        assert f"{way} {message.form} | {message.meaning} |" in page
    for name, code in encoding.CODES.items():
        assert f"`{code.decode()}` {name}" in page

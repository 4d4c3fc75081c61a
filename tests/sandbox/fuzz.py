"""Hostile programs by the thousand, each followed by an honest one.

    python -m tests.sandbox.fuzz [COUNT [SEED]]

Every program writes frames to its private descriptors: made up from the sandbox's own table
of messages and its own codes of plain data, or recorded ones, damaged. It does that as it
starts, when it is called, or both; then it goes on, leaves, is killed, or never ends. After
each of them an honest program runs on the same servers, and everything in its outcome but the
times has to be what it is without.
"""

from __future__ import annotations

import random
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sandbox import Harness, Limits, Outcome, Pool, Program, Status, Test
from sandbox.protocol import encoding, freezing, messages
from sandbox.protocol.frames import HEAD, frame
from sandbox.protocol.messages import MESSAGES, Ended, Ending, Message, Party
from sandbox.report import ProcessReport

LIMITS = Limits(cpu_s=0.25, wall_s=2.0, memory_mb=512)
SECRET = 271828182
TEST = Test("", f"assert f(1) == {SECRET}\nassert f([1]) == [1, {SECRET}]", ("f",))
HARNESS = Harness("seen = []\ndef on_print(args): seen.append(args)\ndef report(): return seen")
HONEST = (
    Program("print('hello', 1.5)\nimport sys\nprint('bye', file=sys.stderr)", harness=HARNESS),
    Program(f"def f(x): return [1, {SECRET}] if x == [1] else {SECRET}\nprint(7)", test=TEST),
    Program("def f(x): return 1 / 0", test=TEST),
    Program("print([].pop())", harness=HARNESS),
)
NOT_THE_PROGRAMS = {Status.sandbox_error, Status.broken_test}
MOST_CALLS = 250_000  # of Python and C functions, to read a report: some 15 ms
MOST_DEPTH = 5
OF_PROGRAM = [message for message in MESSAGES if message.sender is Party.program]
U32 = struct.Struct("<I")


class Hostile(NamedTuple):
    """A program, and what it writes to the evaluator."""

    program: Program
    report: bytes


# --- bytes ------------------------------------------------------------------------------


def a_length(chance: random.Random, honest: int) -> bytes:
    """Mostly the right one."""
    lies = (0, 1, honest + 1, max(0, honest - 1), 255, 1 << 16, 1 << 24, 2**31 - 1, 2**32 - 1)
    return U32.pack(honest if chance.random() < 0.93 else chance.choice(lies))


def some_bytes(chance: random.Random, most: int = 40) -> bytes:
    data = chance.randbytes(chance.randrange(most))
    return a_length(chance, len(data)) + data


def some_text(chance: random.Random) -> bytes:
    names = ("", "x", "Decimal", "ndarray", "ZeroDivisionError", "SystemExit", "é\ud800", "call")
    data = chance.choice(names).encode("utf-8", "surrogatepass")
    return a_length(chance, len(data)) + data


def colliding(chance: random.Random) -> bytes:
    count = chance.choice((3, 70, 3000))
    numbers = [(n * (2**61 - 1)).to_bytes(10, "little") for n in range(count)]
    return U32.pack(count) + b"".join(b"i" + U32.pack(10) + number for number in numbers)


def some_plain(chance: random.Random, depth: int = MOST_DEPTH) -> bytes:
    """Plain data by its own table of codes, not always well-formed."""
    names = list(encoding.CODES)
    name = chance.choice(names if depth else ["none", "true", "int", "str", "object", "remote"])
    code = encoding.CODES[name]

    def inner() -> bytes:
        return some_plain(chance, depth - 1)

    def items(each: int = 1) -> bytes:
        count = chance.choice((0, 1, 2, 3, 40) if depth > 2 else (0, 1, 2))
        parts = [inner() for _ in range(count * each)]
        return a_length(chance, count) + b"".join(parts)

    bodies: dict[str, Callable[[], bytes]] = {
        "int": lambda: some_bytes(chance, chance.choice((9, 3000))),
        "float": lambda: chance.randbytes(8),
        "complex": lambda: chance.randbytes(16),
        "str": lambda: some_text(chance),
        "bytes": lambda: some_bytes(chance, 200),
        "object": lambda: some_text(chance) + some_text(chance),
        "remote": lambda: a_length(chance, chance.randrange(3)) + some_text(chance),
        "given": lambda: a_length(chance, chance.randrange(3)),
        "made": lambda: some_text(chance) + inner(),
        "dict": lambda: items(2),
        "array": lambda: U32.pack(1) + a_length(chance, 2) + U32.pack(2) + inner() + inner(),
    }
    if name in ("set", "frozenset") and chance.random() < 0.2:
        return code + colliding(chance)
    if name in ("none", "true", "false"):
        return code
    return code + bodies.get(name, items)()


def some_body(chance: random.Random, message: Message) -> bytes:
    """A body in the form that a message has."""
    if message.form == "plain data":
        tuples = (1, 2, 3, 4, 5)
        count = chance.choice(tuples)
        body = b"".join(some_plain(chance) for _ in range(count))
        return encoding.CODES["tuple"] + a_length(chance, count) + body
    if message.form == "struct":
        ended = chance.choice(list(Ended))
        ending = Ending(ended, "x" * chance.randrange(600), chance.randrange(2**32), 0)
        body = messages.pack_ending(ending)
        return body if chance.random() < 0.7 else chance.randbytes(chance.randrange(3000))
    if message.form == "JSON":
        texts = (b"1", b"[1,2]", b"{}", b"[[[]]]", b"1e999", b"NaN", b"[" * 9000, b"9" * 5000, b'"')
        return chance.choice(texts)
    if message.form == "arrays":
        return chance.randbytes(chance.randrange(60))
    return b"" if chance.random() < 0.8 else chance.randbytes(chance.randrange(60))


def recorded() -> list[bytes]:
    """What honest processes do write."""
    values: tuple[object, ...] = (
        None,
        [1, 2.5, "a"],
        {"k": (1, {2})},
        10**40,
        b"x",
        1j,
        [[]] * 9,
        "é" * 30,
    )
    encoded = [encoding.encode(freezing.freeze(value)) for value in values]
    changed = [encoding.encode(freezing.freeze((value, None))) for value in values]
    raised = encoding.encode(freezing.freeze(("ValueError", ("no",), b"\2" + bytes(9))))
    endings = [messages.pack_ending(Ending(e, "detail", 3, None)) for e in messages.OF_PROGRAMS]
    return [
        messages.BEGUN.frame(),
        messages.CALLABLE.frame(),
        *(messages.VALUE.frame(body) for body in encoded),
        *(messages.INTERIM.frame(body) for body in encoded),
        *(messages.ENDING.frame(body) for body in endings),
        *(messages.UNCALLABLE.frame(body) for body in endings),
        *(messages.ANSWER.frame(body) for body in changed),
        *(messages.SIMPLE.frame(body) for body in (b"1", b"[true,null,1.5]", b'"x"')),
        messages.NUMBERS.frame(struct.pack("<II3Bqqd", 3, 0, 0, 0, 1, 5, 6, 7.5)),
        messages.RAISED.frame(raised),
    ]


def damaged(chance: random.Random, data: bytes) -> bytes:
    data_now = bytearray(data)
    for _ in range(chance.choice((0, 1, 1, 2, 8))):
        at = chance.randrange(len(data_now) + 1)
        change = chance.choice(("flip", "cut", "insert", "double"))
        if change == "flip" and at < len(data_now):
            data_now[at] ^= 1 << chance.randrange(8)
        elif change == "cut":
            del data_now[at : at + chance.randrange(1, 6)]
        elif change == "insert":
            data_now[at:at] = chance.randbytes(chance.randrange(1, 6))
        else:
            data_now[at:at] = data_now[:at]
    return bytes(data_now)


def some_frames(chance: random.Random, fd: int) -> bytes:
    reader = Party.pool if fd == 3 else Party.tester
    expected = [message for message in OF_PROGRAM if message.reader is reader]
    frames = []
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        if chance.random() < 0.4:
            frames.append(damaged(chance, chance.choice(RECORDED)))
            continue
        message = chance.choice(expected if chance.random() < 0.85 else list(MESSAGES))
        body = some_body(chance, message)
        data = frame(message.tag, body)
        if chance.random() < 0.1:
            data = HEAD.pack(message.tag, U32.unpack(a_length(chance, len(body)))[0]) + body
        frames.append(data)
    data = b"".join(frames)
    return data * chance.choice((1, 1, 1, 1, 300)) if len(data) < 300 else data


RECORDED = recorded()

# --- programs -----------------------------------------------------------------------------

ENDS = {
    "pass": 60,
    "import os; os._exit(0)": 12,
    "import os; os._exit(3)": 4,
    "raise SystemExit": 4,
    "1 / 0": 6,
    "import os; os.kill(os.getpid(), 9)": 4,
    "import os; os.closerange(0, 64)": 4,
    "import os; os.close(3)": 2,
    "import os; os.close(4)": 2,
    "import os; os.dup2(3, 4)": 2,
    "import os; os.dup2(4, 3)": 2,
    "while True: pass": 1,
    "import threading; threading.Thread(target=lambda: say(FRAMES)).start()": 3,
}


def hostile(chance: random.Random) -> Hostile:
    """One program."""
    fd = chance.choice((3, 3, 4, 4, 4, 1, 0, 5))
    data = some_frames(chance, fd)
    start, call = chance.choice(((1, 0), (0, 1), (1, 1)))
    ends = chance.choices(list(ENDS), list(ENDS.values()), k=2)
    source = f"""
import os
FRAMES = {data!r}
def say(data):
    try:
        while data: data = data[os.write({fd}, data):]
    except OSError: pass
def f(x):
    {"say(FRAMES)" if call else "pass"}
    {ends[0]}
    return x
{"say(FRAMES)" if start else ""}
{ends[1]}
"""
    kind = chance.choice(("alone", "harness", "test", "test"))
    program = Program(
        source,
        harness=HARNESS if kind == "harness" else None,
        test=TEST if kind == "test" else None,
    )
    return Hostile(program, data if fd == 3 else b"")


def told(outcome: Outcome) -> tuple[object, ...]:
    """All of an outcome but its times."""
    return (
        outcome.status, outcome.detail, outcome.line, outcome.value, outcome.stdout,
        outcome.stderr, outcome.exit_code,
    )  # fmt: skip


def calls_to_read(data: bytes) -> int:
    """How many functions are called to read a report and its value, whatever they are."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event.endswith("call")

    report = ProcessReport()
    report.feed(messages.BEGUN.frame())
    sys.setprofile(count)
    try:
        for at in range(0, len(data), 1 << 18):
            if not report.feed(data[at : at + (1 << 18)]):
                break
        report.value(interim=True)
    finally:
        sys.setprofile(None)
    return calls


def complaints(
    attack: Hostile, outcome: Outcome, after: Outcome, expected: object
) -> Iterator[str]:
    """What is wrong with the outcome of a hostile program, or of the honest one after it."""
    passed = outcome.status is Status.passed and attack.program.test is not None
    if passed or outcome.status in NOT_THE_PROGRAMS:
        yield f"it is {outcome.status.value}: {outcome.detail}"
    if outcome.cpu_s > LIMITS.cpu_s + 2:
        yield f"it took {outcome.cpu_s} s"
    if told(after) != expected:
        yield f"the program after it came to {told(after)}"
    calls = calls_to_read(attack.report)
    if calls > MOST_CALLS:
        yield f"its report takes {calls} calls to read"


def run(count: int, seed: int) -> Counter[str]:
    """Run so many pairs; how the hostile ones fared. AssertionError with the first complaint."""
    chance = random.Random(seed)
    statuses: Counter[str] = Counter()
    with Pool(LIMITS, workers=1) as pool:
        expected = [told(pool.run(program)) for program in HONEST]
        for number in range(count):
            attack, which = hostile(chance), chance.randrange(len(HONEST))
            futures = [pool.submit(attack.program), pool.submit(HONEST[which])]
            outcome, after = (future.result() for future in futures)
            statuses[outcome.status.value] += 1
            for complaint in complaints(attack, outcome, after, expected[which]):
                raise AssertionError(
                    f"program {number} of seed {seed}: {complaint}\n{attack.program.source[:4000]}"
                )
    return statuses


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    started = time.perf_counter()
    statuses: Counter[str] = Counter()
    for part in range(0, count, 1000):
        statuses += run(min(1000, count - part), seed + part)
        done = f"{statuses.total()} programs in {time.perf_counter() - started:.0f} s"
        print(f"{done}: {dict(statuses)}", flush=True)


if __name__ == "__main__":
    main()

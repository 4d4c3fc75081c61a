"""Every suite: its protocol, the form of its records, and where the records are published.

Published records are pinned by the SHA-256 of their normalised form (`benchmarks.records.schema`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.benchmark import Benchmark
from benchmarks.derived.plus import plus
from benchmarks.derived.verified import verified
from benchmarks.fetch import from_hub, mbpp_from_hub, over_http
from benchmarks.protocol import (
    HUMANEVAL,
    HUMANEVAL_PLUS,
    MBPP,
    MBPP_PLUS,
    MTPB,
    MTPB_VERIFIED,
    OWN_FUNCTIONS,
    OWN_TURNS,
    STARTER,
    STARTER_FUNCTION,
    Protocol,
)
from benchmarks.records.mbpp import MBPP_RECORDS, PREFIX
from benchmarks.records.own import OWN
from benchmarks.records.plus import HUMANEVAL_PLUS_RECORDS, MBPP_PLUS_RECORDS
from benchmarks.records.schema import FUNCTION, MULTI_TURN, Schema

_DATA = Path(__file__).with_name("data")


@dataclass(frozen=True, slots=True)
class Published:
    """Where a public suite is, how it is fetched, what its records' hash must be, and how many
    problems these are.

    `other_sha256` are the hashes of further published forms of the same suite.
    """

    origin: str
    fetch: Callable[[str], str]
    sha256: str
    problems: int
    other_sha256: tuple[str, ...] = ()

    @property
    def hashes(self) -> tuple[str, ...]:
        return (self.sha256, *self.other_sha256)


@dataclass(frozen=True, slots=True)
class Derived:
    """A suite of so many problems, made from the published content of another suite by `made`."""

    suite: str
    made: Callable[[Benchmark], Benchmark]
    problems: int


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite's protocol, the format of its records and where they are published.

    `home` None: the user names the place. `test_protocol` replaces `protocol` for problems with
    tests in a suite that may have either kind. `id_prefix` is what other tools write before ids.
    """

    protocol: Protocol
    schema: Schema
    home: Published | Derived | Path | None
    test_protocol: Protocol | None = None
    id_prefix: str = ""


SUITES: Mapping[str, Suite] = {
    "mtpb": Suite(
        MTPB,
        MULTI_TURN,
        Published(
            "https://raw.githubusercontent.com/salesforce/CodeGen/main/codegen1/benchmark/mtpb.jsonl",
            over_http,
            "236ed5ff3f26a167abb51d20d7c92beb6e07f434dddbafb40ea78c14139049c8",
            115,
        ),
    ),
    "humaneval": Suite(
        HUMANEVAL,
        FUNCTION,
        Published(
            "openai/openai_humaneval",
            from_hub,
            "9345bdf84c12086d808c671a8f61f2fa89353e1c147804ec9c2223102d7dadc3",
            164,
        ),
    ),
    "humanevalplus": Suite(
        HUMANEVAL_PLUS,
        HUMANEVAL_PLUS_RECORDS,
        Published(
            "evalplus/humanevalplus",
            from_hub,
            "d81c20f4adcd158f8c26d543f323675195fc54490a451ca24188f6bc8ddce9eb",
            164,
            ("237dfc42fe1ab1f3b2b6155f7959edd7e819707ba53889040188760b4ebf263f",),
        ),
    ),
    "mbpp": Suite(
        MBPP,
        MBPP_RECORDS,
        Published(
            "google-research-datasets/mbpp",
            mbpp_from_hub,
            "48de2abbd03cf6c1ca823988e47fbf39a8fddeedf68d9be63fafd26fa241a795",
            500,
        ),
        id_prefix=PREFIX,
    ),
    "mbppplus": Suite(
        MBPP_PLUS,
        MBPP_PLUS_RECORDS,
        Published(
            "evalplus/mbppplus",
            from_hub,
            "20e8e48700c8397b9b668c8591684eda128bd32304b4ebf00aba6a9d1d2947af",
            378,
            ("7373ec642856c286427fcd56c79f254c7ee4e98d49f1cbb18c046030e887d631",),
        ),
        id_prefix=PREFIX,
    ),
    "mtpb-verified": Suite(MTPB_VERIFIED, MULTI_TURN, Derived("mtpb", verified, 111)),
    "mtpb-plus": Suite(MTPB_VERIFIED, MULTI_TURN, Derived("mtpb", plus, 110)),
    "starter": Suite(STARTER, MULTI_TURN, _DATA / "starter.jsonl"),
    "starter-function": Suite(STARTER_FUNCTION, FUNCTION, _DATA / "starter-function.jsonl"),
    "custom": Suite(OWN_TURNS, OWN, None, test_protocol=OWN_FUNCTIONS),
}

NAMES = tuple(SUITES)
PUBLISHED = tuple(name for name, suite in SUITES.items() if suite.home is not None)


def id_prefix(suite: str) -> str:
    """What other tools write before an id of the suite; nothing for most, and for other names."""
    return SUITES[suite].id_prefix if suite in SUITES else ""

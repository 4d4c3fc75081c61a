"""Plain data: any object freezes, any bytes decode or are refused, values come back exact."""

from __future__ import annotations

import math
import sys

import numpy
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.protocol.encoding import decode, encode
from sandbox.protocol.freezing import Frozen, freeze
from sandbox.protocol.plain import ANSWER, REPORT, Budget, PlainError
from sandbox.protocol.thawing import thaw

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text(st.characters())
    | st.binary()
)
hashable = st.recursive(
    scalars, lambda inner: st.tuples(inner) | st.frozensets(inner), max_leaves=5
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(hashable, inner)
        | st.sets(hashable)
    ),
)


@given(values)
@settings(max_examples=120, deadline=None)
def test_plain_values_come_back_exact(value: object) -> None:
    back = thaw(decode(encode(freeze(value))))
    assert back == value
    assert type(back) is type(value)
    assert repr(freeze(back)) == repr(freeze(value)) or isinstance(value, (set, dict, list, tuple))


@given(st.binary(max_size=200))
@settings(max_examples=120, deadline=None)
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    try:
        plain = decode(data)
    except PlainError:
        return
    try:
        thaw(plain)
    except (PlainError, ValueError):
        return


@given(values, st.data())
@settings(max_examples=120, deadline=None)
def test_damaged_bytes_are_never_more_than_refused(value: object, data: st.DataObject) -> None:
    encoded = bytearray(encode(freeze(value)))
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] = data.draw(st.integers(0, 255))
    test_any_bytes_decode_or_are_refused.hypothesis.inner_test(bytes(encoded))  # type: ignore[attr-defined]


@given(values, st.integers(50, 400), st.integers(3, 30))
@settings(max_examples=150, deadline=None)
def test_what_is_frozen_within_a_budget_is_decoded_within_it(
    value: object, most_bytes: int, nodes: int
) -> None:
    budget = Budget(nodes, most_bytes, 64)
    frozen = freeze(value, budget=budget)
    assert decode(encode(frozen, budget), budget) == frozen


def test_only_what_does_not_fit_becomes_an_object() -> None:
    frozen = freeze([1, "x" * (2 << 20), 1 << 20_000, [0] * 20_000, {2}], budget=REPORT)
    assert frozen == (
        "list",
        (
            ("int", 1),
            ("object", "builtins.str", "too large"),
            ("object", "builtins.int", "an integer of 20001 bits"),
            ("object", "builtins.list", "too large"),
            ("set", (("int", 2),)),
        ),
    )


@pytest.mark.parametrize("budget", [REPORT, ANSWER])
def test_values_over_budget_are_refused(budget: Budget) -> None:
    nodes, most_bytes, bits = budget
    for plain in (
        ("list", (("none",),) * nodes),
        ("bytes", bytes(most_bytes)),
        ("int", 1 << (bits + 16)),
    ):
        with pytest.raises(PlainError):
            decode(encode(plain, Budget(nodes + 9, most_bytes + 99, bits)), budget)


def test_hash_tables_that_would_be_quadratic_are_refused() -> None:
    colliding = tuple(("int", n * (2**61 - 1)) for n in range(100))
    for forged in (
        ("set", colliding),
        ("frozenset", tuple(("tuple", (member,)) for member in colliding)),
        ("dict", tuple((member, ("none",)) for member in colliding)),
    ):
        with pytest.raises(PlainError, match="same hash"):
            thaw(decode(encode(forged)))


def test_special_floats_survive() -> None:
    for number in (math.inf, -math.inf, -0.0):
        assert thaw(decode(encode(freeze(number)))) == number
    assert math.isnan(thaw(decode(encode(freeze(math.nan)))))  # type: ignore[arg-type]


def test_huge_integers_survive() -> None:
    number = -(7**100_000)
    assert thaw(decode(encode(freeze(number)))) == number


def test_too_large_and_too_deep_become_objects() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    looped: list[object] = []
    looped.append(looped)
    for value in (deep, looped, 1 << 10**8, "x" * 10**8):
        plain = freeze(value)
        assert (
            "object" in repr(plain)[-200:] or plain[0] == "object" or _innermost(plain) == "object"
        )
        decode(encode(plain))


def _innermost(plain: object) -> object:
    while isinstance(plain, tuple) and plain[0] == "list":
        plain = plain[1][0]
    assert isinstance(plain, tuple)
    return plain[0]


def test_numpy_and_pandas_types_become_plain() -> None:
    assert freeze(numpy.int8(3)) == ("int", 3)
    assert freeze(numpy.float32(0.5)) == ("float", 0.5)
    assert freeze(numpy.bool_(True)) == ("bool", True)
    assert freeze(numpy.str_("a")) == ("str", "a")
    assert freeze(numpy.complex64(1j)) == ("complex", 1j)
    assert freeze(numpy.arange(4).reshape(2, 2))[:2] == ("array", (2, 2))
    assert freeze(numpy.array(5)) == ("array", (), (("int", 5),))
    assert freeze(pandas.Series([1, 2])) == ("series", (("int", 1), ("int", 2)))
    assert freeze(pandas.DataFrame())[0] == "object"


def test_generators_are_objects_and_are_not_used_up() -> None:
    generator = (n for n in range(3))
    assert freeze(generator)[:2] == ("object", "builtins.generator")
    assert list(generator) == [0, 1, 2]


def test_unprintable_objects_have_a_name_at_least() -> None:
    class Silent:
        def __repr__(self) -> str:
            raise RuntimeError

    assert freeze(Silent())[0] == "object"
    assert freeze(Silent())[2] == "<unprintable>"


def test_freezing_twice_changes_nothing() -> None:
    once = Frozen(freeze([1, (2,)]))
    assert freeze(once) == once.plain
    assert freeze(("value", once)) == ("tuple", (("str", "value"), once.plain))
    assert Frozen(freeze(once)) == once


def test_frozen_value_does_not_follow_later_changes() -> None:
    items = [1]
    frozen = freeze(items)
    items.append(2)
    assert frozen == ("list", (("int", 1),))


def test_freezing_does_not_need_a_high_recursion_limit() -> None:
    value: list[object] = []
    for _ in range(90):
        value = [value]
    limit = sys.getrecursionlimit()
    assert decode(encode(freeze(value))) == freeze(value)
    assert sys.getrecursionlimit() == limit


def test_forged_unhashable_members_are_refused() -> None:
    for forged in (("set", (("list", ()),)), ("dict", ((("list", ()), ("none",)),))):
        with pytest.raises(PlainError, match="unhashable"):
            thaw(decode(encode(forged)))

"""Shards: every sample in one of them, as many tokens in each, and always the same ones."""

from itertools import chain

import pytest

from benchmarks import load
from mtpb.errors import UsageError
from mtpb.rundir.shards import Shard, ranks
from mtpb.running.conversation import Conversations

STARTER = load("starter")


def shards(of: int) -> list[Shard]:
    return [Shard(number, of) for number in range(1, of + 1)]


@pytest.mark.parametrize("of", [1, 2, 7, 61])
@pytest.mark.parametrize("n", [1, 2, 40])
def test_every_conversation_is_in_one_shard(of: int, n: int) -> None:
    parts = [Conversations(STARTER, n, shard=shard) for shard in shards(of)]
    keys = [conversation.key for part in parts for conversation in part]
    assert sorted(keys) == sorted(conversation.key for conversation in Conversations(STARTER, n))
    assert [len(part) for part in parts] == [len(list(part)) for part in parts]


def test_a_shard_is_in_canonical_order() -> None:
    whole = {c.key: place for place, c in enumerate(Conversations(STARTER, 20))}
    places = [whole[c.key] for c in Conversations(STARTER, 20, shard=Shard(2, 5))]
    assert places == sorted(places)


@pytest.mark.parametrize("shard", shards(16))
def test_more_samples_leave_each_sample_in_its_shard(shard: Shard) -> None:
    for rank in range(50):
        few, many = set(shard.samples(rank, 40)), set(shard.samples(rank, 200))
        assert few == {sample for sample in many if sample < 40}


@pytest.mark.parametrize(("cases", "n", "of"), [(575, 40, 16), (164, 200, 64), (345, 40, 7)])
def test_expected_tokens_are_shared_out_evenly(cases: int, n: int, of: int) -> None:
    """Every shard within 5 % of the mean, where cases differ by a factor of 8."""
    tokens = [256 * (1 + case * 7 % 8) for case in range(cases)]
    ranked = ranks(tokens)
    loads = [
        sum(tokens[case] * len(list(shard.samples(rank, n))) for case, rank in enumerate(ranked))
        for shard in shards(of)
    ]
    mean = sum(loads) / of
    assert max(abs(load - mean) for load in loads) < 0.05 * mean


def test_ranks_put_the_longest_first_and_keep_the_order_of_equal_ones() -> None:
    assert ranks([1, 5, 5, 9]) == [3, 1, 2, 0]
    assert sorted(chain(ranks([2] * 5))) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "text",
    ["0/3", "4/3", "3", "3/", "a/b", "-1/3", "1/3/5", "", " 1/3", "٣/٤", "1/100001"],
)
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="must be i/n"):
        Shard.parse(text)


def test_a_shard_is_read_as_it_is_written() -> None:
    assert Shard.parse("3/16") == Shard(3, 16)
    assert str(Shard(3, 16)) == "3/16"

"""Parts of a payload: the bytes that docs/format.md says, shares in proportion, and what does not fit together."""

import json
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isgan import IsganError, NothingFound, payload, split
from isgan.secret import Part, Secret

VECTOR = json.loads((Path(__file__).parents[1] / "docs/format-vectors.json").read_text())["split"]


def test_the_vector_of_the_specification():
    whole, parts = bytes.fromhex(VECTOR["payload"]), [bytes.fromhex(part) for part in VECTOR["parts"]]
    read = [payload.unpack(part) for part in parts]
    assert [secret.part.number for secret in read] == [1, 2, 3] and {secret.part.id.hex() for secret in read} == {VECTOR["id"]}
    assert [split.pack(secret) for secret in read] == parts
    assert [secret.data for secret in read] == [secret.data for secret in split.divided(whole, VECTOR["rooms"])]
    for some in permutations(read):
        assert split.joined(some) == whole
    found = payload.unpack(split.joined(read))
    assert (found.name, found.data) == ("notes.txt", b"Meet me at noon.\r\n")


@given(st.lists(st.integers(1, 300), min_size=1, max_size=20), st.floats(0, 1))
def test_shares_fit_and_are_in_proportion(rooms, fill):
    whole = bytes(i % 251 for i in range(max(len(rooms), int(fill * sum(rooms)))))
    if len(whole) > sum(rooms):
        return
    parts = split.divided(whole, rooms)
    assert split.joined(reversed(parts)) == whole
    for part, room in zip(parts, rooms, strict=True):
        assert len(part.data) <= room and abs(len(part.data) - len(whole) * room / sum(rooms)) < 1


def test_two_secrets_have_two_ids():
    one, other = (split.divided(b"the same bytes", [9, 9])[0].part for _ in range(2))
    assert one.id != other.id and one._replace(id=b"") == other._replace(id=b"")


def test_missing_parts_are_named():
    parts = [secret.part for secret in split.divided(bytes(50), [10] * 5)]
    assert split.missing([parts[4], parts[0], parts[4]]) == [2, 3, 4] and split.missing(parts) == []


def test_what_does_not_fit_together_is_refused():
    one, other = split.divided(b"some bytes", [5, 5])
    bad_share = Secret(data=b"other", part=other.part)
    bad_digest = Secret(data=other.data, part=other.part._replace(digest=bytes(32)))
    bad_length = Secret(data=other.data, part=other.part._replace(length=11))
    for bad in (bad_share, bad_digest, bad_length):
        with pytest.raises(IsganError, match="do not fit together"):
            split.joined([one, bad])


@pytest.mark.parametrize("change", [{"number": 0}, {"number": 3}, {"total": 0}, {"length": 1}])
def test_a_part_that_cannot_be_is_none(change):
    part = split.divided(b"some bytes", [5, 5])[0]
    made = split.pack(Secret(data=part.data, part=part.part._replace(**change)))
    with pytest.raises(NothingFound):
        payload.unpack(made)
    with pytest.raises(NothingFound):
        payload.unpack(made[: split.OVERHEAD - 1])


def test_too_many_covers_and_too_few_bytes():
    with pytest.raises(IsganError, match="fewer than there are covers"):
        split.divided(b"ab", [1, 1, 1])
    with pytest.raises(IsganError, match="take fewer"):
        split.divided(bytes(70_000), [1] * 70_000)


def test_a_part_says_which_it_is():
    assert str(Part(b"", 2, 5, 10, b"")) == "part 2 of 5 of a secret"

"""Any bytes come back as they are; hostile ones are bounded."""

import lzma
import os
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isgan.codecs import file as module
from isgan.codecs.file import FILTERS, File
from isgan.errors import IsganError


@settings(max_examples=50, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=20).map(lambda data: data * 500)))
def test_bytes_come_back(data):
    packed = File().pack(data, 0)
    assert File().decode(packed) == data
    assert len(packed) <= len(data) + 1


def test_what_is_smallest_is_taken():
    assert File().pack(os.urandom(1000), 0)[0] == 0
    assert File().pack(b"a short text, a short text, a short text", 0)[0] == 1
    assert File().pack(bytes(i * i % 251 for i in range(2000)) * 40 + b"tail" * 3, 0)[0] == 2


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([b"\0", b"\1", b"\2", b"\3", b""]), st.binary(max_size=60))
def test_hostile_bytes_are_bytes_or_an_error(how, data):
    try:
        assert isinstance(File().decode(how + data), bytes)
    except IsganError as error:
        assert "\n" not in str(error)


def test_a_bomb_is_refused(monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 1 << 20)
    bomb = bytes(1 << 21)
    deflate = zlib.compressobj(9, wbits=-15)
    for packed in (
        b"\1" + deflate.compress(bomb) + deflate.flush(),
        b"\2" + lzma.compress(bomb, lzma.FORMAT_RAW, filters=FILTERS),
    ):
        assert len(packed) < 4000
        with pytest.raises(IsganError, match="larger than 1 MiB"):
            File().decode(packed)


def test_what_is_cut_off_is_refused():
    packed = File().pack(b"a short text, a short text, a short text", 0)
    with pytest.raises(IsganError, match="cut off"):
        File().decode(packed[:-1])

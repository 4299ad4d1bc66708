"""Keys: what is sealed opens with the same pass phrase alone, and the order is the one that docs/format.md specifies."""

import subprocess
import sys

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from hypothesis import given, settings
from hypothesis import strategies as st

from isgan.errors import IsganError
from isgan.key import NONCE, TAG, Key
from isgan.shuffle import shuffled

SALT = bytes(range(32))


@pytest.fixture(scope="module")
def key() -> Key:
    return Key("correct horse", SALT)


@given(data=st.binary(max_size=200))
@settings(max_examples=25, deadline=None)
def test_what_is_sealed_opens(key: Key, data: bytes) -> None:
    nonce = key.nonce()
    sealed = key.seal(data, "body", nonce)
    assert len(sealed) == len(data) + TAG
    assert key.open(sealed, "body", nonce) == data


def test_nothing_opens_but_what_was_sealed(key: Key) -> None:
    nonce = key.nonce()
    sealed = key.seal(b"secret", "head", nonce)
    assert key.open(sealed, "body", nonce) is None
    assert key.open(sealed, "head", bytes(NONCE)) is None
    assert key.open(sealed[:-1], "head", nonce) is None
    assert key.open(b"", "head", nonce) is None
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        assert key.open(bytes(changed), "head", nonce) is None
    assert Key("correct horse ", SALT).open(sealed, "head", nonce) is None
    assert Key("correct horse", bytes(32)).open(sealed, "head", nonce) is None


def test_the_same_twice_is_sealed_differently(key: Key) -> None:
    assert key.seal(b"secret", "head", key.nonce()) != key.seal(b"secret", "head", key.nonce())


def test_a_pass_phrase_is_text_however_it_was_typed() -> None:
    composed, apart = Key("caf\u00e9", SALT), Key("cafe\u0301", SALT)
    assert composed.subkey("head") == apart.subkey("head")


@pytest.mark.parametrize("phrase", ["", "\udcff"])
def test_no_pass_phrase_is_refused(phrase: str) -> None:
    with pytest.raises(IsganError, match="pass phrase"):
        Key(phrase, SALT)


def slow_shuffle(key: bytes, count: int) -> list[int]:
    """docs/format.md, 2.5, word for word."""
    keystream = Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor()
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        c = i + 1
        while True:
            product = int.from_bytes(keystream.update(bytes(4)), "little") * c
            if product % 2**32 >= (2**32 - c) % c:
                break
        order[i], order[product >> 32] = order[product >> 32], order[i]
    return order


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000, 70_000])
def test_the_order_is_the_specified_one(count: int) -> None:
    key = bytes(range(100, 132))
    assert shuffled(key, count).tolist() == slow_shuffle(key, count)


def test_every_order_is_as_likely() -> None:
    counts = np.zeros(24, int)
    ranks = {}
    for number in range(4800):
        order = tuple(shuffled(number.to_bytes(32, "little"), 4).tolist())
        counts[ranks.setdefault(order, len(ranks))] += 1
    # 23 degrees of freedom: above 49.7 once in a thousand.
    assert ((counts - 200) ** 2 / 200).sum() < 49.7


def test_streams_and_orders_depend_on_their_purpose(key: Key) -> None:
    assert key.stream("a", 64) != key.stream("b", 64)
    assert key.stream("a", 64)[:32] == key.stream("a", 32)
    assert (key.order("part 0", 100) != key.order("part 1", 100)).any()
    assert sorted(key.order("part 0", 100)) == list(range(100))


def test_keys_are_derived_in_many_threads():
    """Two derivations of OpenSSL's at a time would wait for each other for ever."""
    code = """
import threading
from isgan.key import Key
threads = [threading.Thread(target=lambda n=n: [Key("phrase", bytes([n, k]) * 16) for k in range(4)]) for n in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0

"""A pass phrase as keys: what is sealed, and in which order samples are used. `docs/format.md` specifies every byte.

Argon2id turns the pass phrase and a salt, which the cover's own frozen samples give, into one secret; HKDF makes the keys of it.
Sealed bytes look uniform to whoever has no key, and nothing is opened that was not sealed with it.
"""

import os
import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from isgan.errors import IsganError

ITERATIONS, LANES, MEMORY_KIB = 3, 4, 64 * 1024
NONCE, TAG = 16, 16

_DERIVING = threading.Lock()  # OpenSSL (4.0.3) derives two keys with lanes at a time never: each waits for the other for ever


class Key:
    """What a pass phrase opens in one cover and its stego image.

    Args:
        pass_phrase: any text but an empty one; brought to Unicode's NFKC, so that keyboards that compose accents differently agree.
        salt: 32 bytes of the cover, see `isgan.covers.base.Cover.salt`.
    """

    def __init__(self, pass_phrase: str, salt: bytes):
        if not isinstance(pass_phrase, str):
            raise IsganError(f"the pass phrase is of type {type(pass_phrase).__name__}: give a text")
        normal = unicodedata.normalize("NFKC", pass_phrase)
        if not normal:
            raise IsganError("the pass phrase is empty: give one of several words")
        try:
            text = normal.encode()
        except UnicodeEncodeError:
            raise IsganError("the pass phrase has bytes that are not UTF-8 text: type it anew, or save its file as UTF-8") from None
        # It takes a tenth of a second and more, in which others of a file's preparations go on.
        beside = ThreadPoolExecutor(1)
        self._root = beside.submit(_derived, text, salt)
        beside.shutdown(wait=False)

    def subkey(self, purpose: str, nonce: bytes = b"") -> bytes:
        """32 bytes for one purpose, HKDF-SHA-256 of the root."""
        return HKDF(algorithm=SHA256(), length=32, salt=nonce, info=b"isgan 1 " + purpose.encode()).derive(self._root.result())

    def nonce(self) -> bytes:
        """`NONCE` fresh random bytes, so that one cover and pass phrase never give the same keystream twice."""
        return os.urandom(NONCE)

    def seal(self, data: bytes, purpose: str, nonce: bytes) -> bytes:
        """Data -> `TAG` bytes more, uniform to whoever has no key. One purpose is used once with one nonce."""
        return ChaCha20Poly1305(self.subkey(purpose, nonce)).encrypt(bytes(12), data, None)

    def open(self, sealed: bytes, purpose: str, nonce: bytes) -> bytes | None:
        """What `seal` took, or None if it was sealed with another key, for another purpose, or was changed."""
        try:
            return ChaCha20Poly1305(self.subkey(purpose, nonce)).decrypt(bytes(12), sealed, None)
        except InvalidTag:
            return None

    def stream(self, purpose: str, count: int, nonce: bytes = b"") -> bytes:
        """`count` bytes of the ChaCha20 keystream of a subkey, block counter and nonce 0 at the start."""
        encryptor = Cipher(ChaCha20(self.subkey(purpose, nonce), bytes(16)), mode=None).encryptor()
        return encryptor.update(bytes(count))

    def order(self, purpose: str, count: int) -> np.ndarray:
        """A permutation of 0 ... count - 1, (count,) uint32, the same on every machine and version."""
        from isgan.shuffle import shuffled

        return shuffled(self.subkey(purpose), count)


def _derived(text: bytes, salt: bytes) -> bytes:
    with _DERIVING:
        return Argon2id(salt=salt, length=32, iterations=ITERATIONS, lanes=LANES, memory_cost=MEMORY_KIB).derive(text)

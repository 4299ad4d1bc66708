"""docs/format.md: its vectors, and a golden file read by a reader that was written from its words alone."""

import io
import json
from pathlib import Path

import numpy as np
import photos
import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from PIL import Image
from test_key import slow_shuffle

import isgan
from isgan.codecs import codecs
from isgan.coders.stc import Stc
from isgan.covers.png import PngCover
from isgan.key import Key

VECTORS = json.loads((Path(__file__).parents[1] / "docs/format-vectors.json").read_text())
GOLDEN = Path(__file__).parent / "golden"


def test_keys() -> None:
    for vector in VECTORS["keys"]:
        key = Key(vector["pass phrase"], bytes.fromhex(vector["salt"]))
        nonce = bytes.fromhex(vector["nonce"])
        assert key.subkey("head", nonce).hex() == vector["subkey head"]
        assert key.seal(bytes.fromhex(vector["data"]), "head", nonce).hex() == vector["sealed"]
        assert key.order("part 0", 20).tolist() == vector["order part 0, 20"]


class Reader:
    """Sections 1 to 5 of the specification, word for word; only the trellis code is the coder's own, which has vectors of its own."""

    def __init__(self, picture: np.ndarray, phrase: str):
        self.planes = [picture[..., channel] for channel in range(3)] if picture.ndim == 3 else [picture]
        height, width = picture.shape[:2]
        pixels = height * width
        places = [(i * 0x9E3779B97F4A7C15 % 2**64) * pixels >> 64 for i in range(1, max(1, min(128, pixels // 16)) + 1)]
        text = width.to_bytes(4, "little") + height.to_bytes(4, "little") + bytes([len(self.planes)])
        for plane in self.planes:
            text += bytes(int(plane.ravel()[place]) for place in places)
        salt = self.hash(text)
        self.root = Argon2id(salt=salt, length=32, iterations=3, lanes=4, memory_cost=65536).derive(phrase.encode())

    @staticmethod
    def hash(text: bytes) -> bytes:
        from cryptography.hazmat.primitives.hashes import Hash

        digest = Hash(SHA256())
        digest.update(text)
        return digest.finalize()

    def subkey(self, purpose: str, nonce: bytes) -> bytes:
        return HKDF(algorithm=SHA256(), length=32, salt=nonce, info=b"isgan 1 " + purpose.encode()).derive(self.root)

    def payload(self) -> bytes:
        count = len(self.planes)
        listed = PARTS[count]
        groups = slow_shuffle(self.subkey("places", b""), len(listed) // count)
        order = [listed[count * group + i] for group in groups for i in range(count)]
        parts = [self.planes[plane][row::2, column::2].ravel().astype(np.int16) for plane, row, column in order]
        elements = [part[slow_shuffle(self.subkey(f"part {i}", b""), len(part))] for i, part in enumerate(parts)]
        first = len(elements[0])
        head_elements = min(max(min(first // 2, sum(map(len, elements)) // 24), min(first, 1024)), 65536)
        head = self.bytes(Stc().extract(elements[0][:head_elements], 8 * 37))
        nonce = head[:16]
        opened = ChaCha20Poly1305(self.subkey("head", nonce)).decrypt(bytes(12), head[16:], None)
        assert opened[0] == 1
        bits = 8 * int.from_bytes(opened[1:5], "little")
        elements[0] = elements[0][head_elements:]
        total, before, body = sum(map(len, elements)), 0, []
        for part in elements:
            begin, end = bits * before // total, bits * (before + len(part)) // total
            body.append(Stc().extract(part, end - begin))
            before += len(part)
        return ChaCha20Poly1305(self.subkey("body", nonce)).decrypt(bytes(12), self.bytes(np.concatenate(body)), None)

    @staticmethod
    def bytes(bits: np.ndarray) -> bytes:
        return np.packbits(bits, bitorder="little").tobytes()


PARTS = {  # of `cmdc`
    1: [(0, row, column) for row, column in ((0, 0), (0, 1), (1, 1), (1, 0))],
    3: [(plane, row, column) for row, column in ((0, 0), (0, 1), (1, 1), (1, 0)) for plane in (1, 0, 2)],
}


@pytest.mark.parametrize("name", ["adaptive-color", "adaptive-gray"])
def test_a_golden_file_is_read_by_us_and_by_a_reader_of_the_specification(name: str) -> None:
    picture = np.array(Image.open(GOLDEN / f"{name}.png"))
    golden = VECTORS["files"][name]
    payload = Reader(picture, golden["pass phrase"]).payload()
    assert payload.hex() == golden["payload"]
    assert payload[0] == 0 and payload[1] == len(golden["name"])
    found = isgan.reveal(GOLDEN / f"{name}.png", pass_phrase=golden["pass phrase"]).secret
    assert found.data == bytes.fromhex(golden["secret"]) and found.name == golden["name"]


def test_a_fresh_file_is_read_by_a_reader_of_the_specification() -> None:
    cover = PngCover(photos.photograph(96))
    stego = isgan.hide(cover.pixels(), b"some bytes", pass_phrase="x", risk="high")
    assert Reader(stego.picture, "x").payload() == bytes([0, 0, 0]) + b"some bytes"


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("name", ["webp", "jpeg2000", "lossless"])
def test_pictures_of_a_payload_are_files_that_others_read(name: str, gray: bool) -> None:
    """Section 5: the payload's bytes in the file that it names, decoded by Pillow alone."""
    picture = photos.photograph(64, gray=gray)
    codec = codecs[name]()
    packed = codec.pack(picture, codec.levels[-1])
    if packed[0] <= 3:
        content = packed[1:] + bytes(len(packed[1:]) % 2)
        chunk = (b"VP8L" if packed[0] & 2 else b"VP8 ") + len(packed[1:]).to_bytes(4, "little") + content
        file = b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk
        assert (packed[0] & 1 == 1) == (not gray)
    else:
        assert packed[0] in (137, 255)
        file = packed
    seen = np.array(Image.open(io.BytesIO(file)))
    seen = seen[..., 1] if gray and seen.ndim == 3 else seen
    np.testing.assert_array_equal(codec.decode(packed), seen)
    assert np.abs(seen.astype(int) - picture).mean() <= (0 if name == "lossless" else 8)

"""What the server and a worker tell each other: JSON with bytes behind it, never pickles, since a worker opens strangers' files.

    length of the JSON, 4 bytes, big endian | JSON | bytes, as many as the JSON's "sizes" say
"""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

MAX_HEAD = 2**20
LENGTH = struct.Struct(">I")


@dataclass
class Frame:
    """A message, and byte strings that belong to it."""

    head: dict[str, Any]
    blobs: Sequence[bytes | bytearray] = field(default_factory=list)

    def parts(self) -> Iterator[bytes | bytearray]:
        """What is sent, in pieces: large ones are not copied."""
        head = json.dumps(self.head | {"sizes": [len(blob) for blob in self.blobs]}).encode()
        yield LENGTH.pack(len(head)) + head
        yield from self.blobs


def read_frame(stream: BinaryIO) -> Frame | None:
    """The next frame, or None at the end of the stream."""
    start = stream.read(LENGTH.size)
    if len(start) < LENGTH.size:
        return None
    head = json.loads(stream.read(head_length(start)))
    return Frame(head, [stream.read(size) for size in head.pop("sizes")])


def head_length(start: bytes) -> int:
    """The length of the JSON from the first bytes of a frame; `ValueError` where nobody would send so much."""
    length: int = LENGTH.unpack(start)[0]
    if length > MAX_HEAD:
        raise ValueError("the frame's head is too long")
    return length

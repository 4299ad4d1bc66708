"""One secret over several covers: a payload in parts, each sealed in its own cover with its own key and nonce, and back.

    255, 1 byte | 0, 1 byte | id, 16 bytes | number, 2 | count, 2 | length of the whole, 4 | SHA-256 of the whole, 32 | share

What ties the parts together stands inside what is sealed: without the pass phrase a part looks like any other stego image.
"""

import hashlib
import os
import struct
from collections.abc import Iterable, Sequence

from isgan.errors import IsganError, NothingFound
from isgan.secret import Part, Secret

NUMBER = 255
"""In place of a codec's."""
FIELDS = struct.Struct("<BB16sHHI32s")
OVERHEAD = FIELDS.size
MOST = 2**16 - 1


def pack(secret: Secret) -> bytes:
    """A part as the bytes to seal."""
    assert secret.part is not None and secret.data is not None
    return FIELDS.pack(NUMBER, 0, *secret.part) + secret.data


def unpack(data: bytes) -> Secret:
    """The part in authenticated bytes; `NothingFound` if they are none all the same."""
    if len(data) < OVERHEAD:
        raise NothingFound
    _, _, *fields = FIELDS.unpack_from(data)
    part = Part(*fields)
    if not 1 <= part.number <= part.total or len(data) - OVERHEAD > part.length:
        raise NothingFound
    return Secret(data=data[OVERHEAD:], part=part)


def divided(whole: bytes, rooms: Sequence[int]) -> list[Secret]:
    """Shares of a payload in proportion to the bytes that each cover has room for, less `OVERHEAD`.

    Rooms grow with the square root of a cover's samples, so that every cover is as hard to suspect as the others.

    Args:
        whole: at most the sum of the rooms, and a byte for each of them.
    """
    if len(rooms) > MOST:
        raise IsganError(f"a secret can be shared among at most {MOST:,} covers: take fewer")
    if len(whole) < len(rooms):
        raise IsganError(f"the secret takes {len(whole)} bytes, fewer than there are covers: take fewer covers")
    nonce, digest = os.urandom(16), hashlib.sha256(whole).digest()
    total, before, parts = sum(rooms), 0, []
    for number, room in enumerate(rooms, 1):
        share = whole[len(whole) * before // total : len(whole) * (before + room) // total]
        before += room
        parts.append(Secret(data=share, part=Part(nonce, number, len(rooms), len(whole), digest)))
    return parts


def missing(parts: Iterable[Part]) -> list[int]:
    """The numbers of the parts that are not there, given others of the same secret."""
    parts = list(parts)
    return sorted({*range(1, parts[0].total + 1)} - {part.number for part in parts})


def joined(parts: Iterable[Secret]) -> bytes:
    """The payload of all parts of one secret, in any order; one part may be there twice."""
    shares: dict[int, bytes] = {}
    kinds = set()
    for secret in parts:
        assert secret.part is not None and secret.data is not None
        shares[secret.part.number] = secret.data
        kinds.add(secret.part._replace(number=0))
    whole = b"".join(shares[number] for number in sorted(shares))
    if len(kinds) != 1 or len(whole) != (kind := kinds.pop()).length or hashlib.sha256(whole).digest() != kind.digest:
        raise IsganError("the parts of a secret do not fit together: they were not made by isgan; ask who sent them")
    return whole

"""Damaged picture files without end, from a seed: `damaged(seed)` gives the name of what was done, and the file.

Whole files of every kind that is read are cut, flipped, doubled and mixed; and, with checksums that are right, given chunks,
sizes, tags and boxes that no program writes.
"""

import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np
from whole_files import whole

Rng = np.random.Generator
Damage = Callable[[bytes, Rng], bytes]

NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 32767, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
"""Hostile values of lengths, sizes and offsets."""


def damaged(seed: int) -> Iterator[tuple[str, bytes]]:
    """Without end: what was done to what, and the file. The same seed gives the same files."""
    rng = np.random.default_rng(seed)
    names = sorted(whole())
    while True:
        name = str(rng.choice(names))
        file = whole()[name]
        ways = EVERYWHERE + [way for start, own in OWN if start(file) for way in own]
        chosen = [ways[rng.integers(len(ways))] for _ in range(int(rng.choice([1, 1, 2, 3])))]
        for way in chosen:
            file = way(file, rng) or b"\0"
        yield f"{name}: {', '.join(way.__name__ for way in chosen)}", file


# ---------------------------------------------------------------------------------------------------- any file


def _number(rng: Rng) -> int:
    return int(rng.choice(NUMBERS))


def _at(data: bytes, rng: Rng) -> int:
    """A place, oftener near the start, where what decides is written."""
    end = min(len(data), int(rng.choice([32, 200, len(data)])))
    return int(rng.integers(0, max(end, 1)))


def _with(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def cut(data: bytes, rng: Rng) -> bytes:
    return data[: rng.integers(1, len(data) + 1)]


def flip(data: bytes, rng: Rng) -> bytes:
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 20))):
        changed[_at(data, rng)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def overwrite(data: bytes, rng: Rng) -> bytes:
    length = int(rng.integers(1, 64))
    fill = rng.choice([0, 255, -1])
    return _with(data, _at(data, rng), rng.bytes(length) if fill < 0 else bytes([fill]) * length)


def number(data: bytes, rng: Rng) -> bytes:
    value, order = _number(rng), rng.choice(["<", ">"])
    kind = "I" if value > 65535 or rng.integers(2) else "H"
    return _with(data, _at(data, rng), struct.pack(order + kind, value))


def leave_out(data: bytes, rng: Rng) -> bytes:
    start = _at(data, rng)
    return data[:start] + data[start + int(rng.integers(1, 200)) :]


def double(data: bytes, rng: Rng) -> bytes:
    start = _at(data, rng)
    part = data[start : start + int(rng.integers(1, 500))]
    return data[:start] + part * int(rng.integers(2, 30)) + data[start:]


def mix(data: bytes, rng: Rng) -> bytes:
    other = whole()[str(rng.choice(sorted(whole())))]
    return data[: rng.integers(0, len(data))] + other[rng.integers(0, len(other)) :]


def append(data: bytes, rng: Rng) -> bytes:
    return data + rng.bytes(int(rng.integers(1, 5000)))


# ---------------------------------------------------------------------------------------------------- PNG


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def _png(chunks: list[tuple[bytes, bytes]]) -> bytes:
    parts = [struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _changed(data: bytes, rng: Rng, change: Callable[[bytes, bytes], bytes], *kinds: bytes) -> bytes:
    """The PNG with one of its chunks of these kinds, or of any, changed, and its checksum right."""
    chunks = _chunks(data)
    places = [place for place, (kind, _) in enumerate(chunks) if not kinds or kind in kinds]
    if places:
        place = places[rng.integers(len(places))]
        chunks[place] = (chunks[place][0], change(*chunks[place]))
    return _png(chunks)


def chunk_damaged(data: bytes, rng: Rng) -> bytes:
    return _changed(data, rng, lambda kind, body: flip(body, rng) if body else rng.bytes(5))


def chunk_header(data: bytes, rng: Rng) -> bytes:
    where = int(rng.integers(0, 11))
    value = struct.pack(">I", _number(rng)) if where < 8 else bytes([int(rng.integers(0, 20))])
    return _changed(data, rng, lambda kind, body: _with(body, where // 4 * 4 if where < 8 else where, value)[:13], b"IHDR")


def chunks_mixed(data: bytes, rng: Rng) -> bytes:
    chunks = _chunks(data)
    rng.shuffle(chunks)  # type: ignore[arg-type]
    return _png(chunks[: rng.integers(1, len(chunks) + 1)] if chunks and rng.integers(2) else chunks)


def chunk_doubled(data: bytes, rng: Rng) -> bytes:
    chunks = _chunks(data)
    if not chunks:
        return data
    place = int(rng.integers(len(chunks)))
    return _png(chunks[:place] + [chunks[place]] * int(rng.choice([2, 3, 2000])) + chunks[place:])


def chunk_added(data: bytes, rng: Rng) -> bytes:
    kind = [b"tRNS", b"PLTE", b"eXIf", b"iCCP", b"acTL", b"fcTL", b"fdAT", b"cHRM", b"gAMA", b"zTXt", b"iTXt", b"sBIT", b"bKGD", b"ABCD"]
    packed = b"name\0\0" + zlib.compress(bytes(3_000_000))
    body = [rng.bytes(int(rng.integers(0, 40))), nested_exif(rng), packed, struct.pack(">2I", _number(rng), 0)]
    new = (kind[rng.integers(len(kind))], body[rng.integers(len(body))])
    chunks = _chunks(data)
    place = int(rng.integers(1, len(chunks) + 1)) if chunks else 0
    return _png([*chunks[:place], new, *chunks[place:]])


def bomb(data: bytes, rng: Rng) -> bytes:
    """A header of many pixels, and few bytes that unpack to very many."""
    width, height = (int(side) for side in rng.choice([1, 3000, 9999, 65535, 100_000], 2))
    header = struct.pack(">IIBBBBB", width, height, 8, int(rng.choice([0, 2, 6])), 0, 0, int(rng.integers(2)))
    return _png([(b"IHDR", header), (b"IDAT", zlib.compress(bytes(4_000_000))), (b"IEND", b"")])


# ---------------------------------------------------------------------------------------------------- EXIF, JPEG, TIFF


def nested_exif(rng: Rng) -> bytes:
    """Directories that name one another, and values that lie anywhere."""
    order = str(rng.choice(["<", ">"]))
    head = b"Exif\0\0" if rng.integers(2) else b""
    entries = b""
    count = int(rng.integers(1, 6))
    for _ in range(count):
        tag = int(rng.choice([0x0112, 0x8769, 0x8825, 0xA005, 0x0100, 0x927C, 0x014A, 0x0201]))
        kind, many, value = int(rng.integers(0, 14)), int(rng.choice([1, 1, _number(rng)])), int(rng.choice([8, 8, 6, _number(rng)]))
        entries += struct.pack(order + "HHII", tag, kind, many, value)
    tiff = struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 8) + struct.pack(order + "H", count) + entries
    return head + tiff + struct.pack(order + "I", int(rng.choice([0, 8, _number(rng)])))


def _segments(data: bytes) -> list[tuple[int, int]]:
    """Where the segments of a JPEG start and end, up to the first scan."""
    found, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        found.append((at, end))
        at = end
    return found


def segment_damaged(data: bytes, rng: Rng) -> bytes:
    segments = _segments(data)
    if not segments:
        return flip(data, rng)
    start, end = segments[rng.integers(len(segments))]
    inside = data[start + 4 : end]
    return data[: start + 4] + (flip(inside, rng) if inside else b"") + data[end:]


def segment_moved(data: bytes, rng: Rng) -> bytes:
    segments = _segments(data)
    if not segments:
        return cut(data, rng)
    start, end = segments[rng.integers(len(segments))]
    rest = data[:start] + data[end:]
    to = int(rng.choice([2, len(rest), *(at for at, _ in segments)]))
    return rest[:to] + data[start:end] * int(rng.choice([0, 1, 2, 300])) + rest[to:]


def frame_size(data: bytes, rng: Rng) -> bytes:
    frames = [start for start, _ in _segments(data) if 0xC0 <= data[start + 1] <= 0xCF and data[start + 1] not in (0xC4, 0xC8, 0xCC)]
    if not frames:
        return data
    field = int(rng.choice([1, 4, 5, 7, 9, 11, 12]))
    side = struct.pack(">H", int(rng.choice([0, 1, 17, 255, 800, 9000, 65535])))
    return _with(data, frames[0] + field, side if field in (5, 7) else rng.bytes(1))


def application(data: bytes, rng: Rng) -> bytes:
    directory = nested_exif(rng)
    body = [b"Exif\0\0" + directory, b"ICC_PROFILE\0" + rng.bytes(300), b"MPF\0" + directory, b"Adobe" + rng.bytes(7), rng.bytes(90)]
    new, marker = body[rng.integers(len(body))], int(rng.choice([0xE1, 0xE2, 0xEE, 0xFE, 0xDD]))
    return data[:2] + bytes([0xFF, marker]) + struct.pack(">H", 2 + len(new)) + new + data[2:]


def tag(data: bytes, rng: Rng) -> bytes:
    """A TIFF with another value, kind or number of one of its tags."""
    order = "<" if data[:2] == b"II" else ">"
    if len(data) < 10:
        return data
    (start,) = struct.unpack_from(order + "I", data, 4)
    if start + 2 > len(data):
        return data
    (count,) = struct.unpack_from(order + "H", data, start)
    at = start + 2 + 12 * int(rng.integers(0, max(count, 1)))
    changes = [
        (0, "H", int(rng.choice([258, 259, 262, 273, 277, 317, 320, 322, 330, 338, 347]))),
        (2, "H", int(rng.integers(0, 20))),
        (4, "I", _number(rng)),
        (8, "I", int(rng.choice([_number(rng), start, 8]))),
        (8, "H", int(rng.choice([1, 2, 5, 6, 7, 8]))),
    ]
    field, form, value = changes[rng.integers(len(changes))]
    return _with(data, at + field, struct.pack(order + form, value))


def directories(data: bytes, rng: Rng) -> bytes:
    """A TIFF whose directory names itself, or another place, as the next."""
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + "I", data.ljust(8, b"\0"), 4)
    if start + 2 > len(data):
        return data
    (count,) = struct.unpack_from(order + "H", data, start)
    return _with(data, start + 2 + 12 * count, struct.pack(order + "I", int(rng.choice([start, 8, _number(rng)]))))


# ---------------------------------------------------------------------------------------------------- boxes and the rest


def box(data: bytes, rng: Rng) -> bytes:
    """A box of HEIC or AVIF, at any depth, with another length, kind or content."""
    kinds = [b"ftyp", b"meta", b"hdlr", b"pitm", b"iloc", b"iinf", b"infe", b"iref", b"iprp", b"ipco", b"ispe", b"hvcC", b"av1C", b"irot",
             b"imir", b"colr", b"pixi", b"ipma", b"mdat", b"moov", b"trak", b"stsz", b"auxC", b"clap"]  # fmt: skip
    places = [at for kind in kinds if (at := data.find(kind)) >= 4]
    if not places:
        return flip(data, rng)
    at = places[rng.integers(len(places))]
    change = rng.integers(4)
    if change == 0:
        return _with(data, at - 4, struct.pack(">I", _number(rng)))
    if change == 1:
        return _with(data, at, kinds[rng.integers(len(kinds))])
    inside = at + 4 + int(rng.integers(0, 16))
    return _with(data, inside, struct.pack(">I", _number(rng)) if change == 2 else rng.bytes(4))


def riff(data: bytes, rng: Rng) -> bytes:
    kinds = [b"RIFF", b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"EXIF", b"ICCP"]
    places = [at for kind in kinds if (at := data.find(kind)) >= 0]
    at = places[rng.integers(len(places))] if places else 0
    return _with(data, at + int(rng.choice([4, 8, 12])), struct.pack("<I", _number(rng)))


EVERYWHERE: list[Damage] = [cut, flip, flip, overwrite, number, number, leave_out, double, mix, append]
OWN: list[tuple[Callable[[bytes], bool], list[Damage]]] = [
    (lambda data: data[:4] == b"\x89PNG", [chunk_damaged, chunk_header, chunks_mixed, chunk_doubled, chunk_added, chunk_added, bomb]),
    (lambda data: data[:2] == b"\xff\xd8", [segment_damaged, segment_damaged, segment_moved, frame_size, application, application]),
    (lambda data: data[:4] in (b"II*\0", b"MM\0*"), [tag, tag, tag, directories]),
    (lambda data: data[4:8] == b"ftyp", [box, box, box, box]),
    (lambda data: data[:4] == b"RIFF", [riff, riff]),
]

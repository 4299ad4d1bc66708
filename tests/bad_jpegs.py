"""JPEG files as they should not be, made from a seed: `python tests/bad_jpegs.py FOLDER` writes them, tests read
`bad_jpegs()`."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from isgan.jfif.segments import DRI, SOS, Segment, read_header

SEED = 17


def good(seed: int = SEED, **options: object) -> bytes:
    """A JPEG of 96 x 80 with restart markers, EXIF and a comment."""
    options = {"quality": 90, "restart_marker_blocks": 5, "comment": b"as it was", "subsampling": 0} | options
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 9, (80, 96, 3)).cumsum(0).cumsum(1) / 12
    image = Image.fromarray((128 + steps - steps.mean()).clip(0, 255).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a maker"
    file = io.BytesIO()
    image.convert(str(options.pop("mode", "RGB"))).save(file, "JPEG", exif=exif, **options)
    return file.getvalue()


def bad_jpegs(seed: int = SEED) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of files that have to be refused."""
    rng = np.random.default_rng(seed)
    data = good(seed)
    header = read_header(data, "good.jpg")
    start = len(header.raw)
    frame = data.index(b"\xff\xc0")
    yield "empty.jpg", b""
    yield "text.jpg", b"no picture at all"
    yield "png-inside.jpg", _as("PNG")
    yield "webp-inside.jpg", _as("WEBP")
    yield "only-start.jpg", data[:2]
    for number in range(6):
        yield f"truncated-header-{number}.jpg", data[: rng.integers(3, start)]
        yield f"truncated-scan-{number}.jpg", data[: rng.integers(start, len(data) - 2)]
    yield "no-end.jpg", data[:-2]
    yield "huge.jpg", _with(data, frame + 5, b"\xff\xff\xff\xff")
    yield "higher.jpg", _with(data, frame + 5, (800).to_bytes(2, "big"))
    yield "no-height.jpg", _with(data, frame + 5, b"\0\0")
    yield "twelve-bits.jpg", _with(data, frame + 4, b"\x0c")
    yield "arithmetic.jpg", _with(data, frame + 1, b"\xc9")
    yield "lossless.jpg", _with(data, frame + 1, b"\xc3")
    yield "sampling.jpg", _with(data, frame + 11, b"\x55")
    yield "cmyk.jpg", good(seed, mode="CMYK")
    yield "no-scan.jpg", data[: start - len(header.segments[-1].raw)] + data[-2:]
    yield "no-tables.jpg", b"".join(s.raw for s in header.segments if s.marker != 0xC4) + data[start:]
    yield "no-steps.jpg", b"".join(s.raw for s in header.segments if s.marker != 0xDB) + data[start:]
    yield "step-of-zero.jpg", _with(data, data.index(b"\xff\xdb") + 5, b"\0")
    yield "two-frames.jpg", data[:frame] + data[frame : frame + 19] + data[frame:]
    interval = b"".join(s.raw for s in header.segments[:-1]) + Segment.of(DRI, b"\0\3").raw + header.segments[-1].raw
    yield "wrong-interval.jpg", interval + data[start:]
    restart = data.index(b"\xff\xd3", start)
    yield "restart-lost.jpg", data[:restart] + data[restart + 2 :]
    yield "restart-wrong.jpg", _with(data, restart + 1, b"\xd5")
    yield "bytes-before-restart.jpg", data[:restart] + b"\x55\xaa" + data[restart:]
    yield "marker-in-scan.jpg", _with(data, start + 40, bytes([0xFF, SOS]))
    yield "bytes-lost.jpg", data[: start + 50] + data[start + 80 :]
    yield "bytes-twice.jpg", data[: start + 200] + data[start + 120 :]
    yield "length-too-long.jpg", _with(data, data.index(b"\xff\xfe") + 2, b"\xff\xff")
    yield "length-zero.jpg", _with(data, data.index(b"\xff\xfe") + 2, b"\0\0")
    yield from _bad_scans(good(seed, progressive=True), rng)


def _bad_scans(data: bytes, rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Of a progressive file."""
    starts = [place for place in range(len(data) - 1) if data[place : place + 2] == b"\xff\xda"]
    scripts = [place + 2 + int.from_bytes(data[place + 2 : place + 4], "big") for place in starts]  # where data begin
    tables = [place for place in range(len(data) - 1) if data[place : place + 2] == b"\xff\xc4"]
    for number in range(6):
        yield f"truncated-scans-{number}.jpg", data[: rng.integers(scripts[0], len(data) - 2)]
    yield "scan-lost.jpg", data[: starts[1]] + data[starts[2] :]
    yield "scans-lost.jpg", data[: tables[-1]] + data[-2:]
    yield "scan-twice.jpg", data[: starts[-1]] + data[starts[-1] : -2] * 2 + data[-2:]
    yield "many-scans.jpg", data[:-2] + data[starts[-1] : -2] * 100 + data[-2:]
    yield "band-too-wide.jpg", _with(data, scripts[1] - 2, b"\x40")
    yield "band-backwards.jpg", _with(data, scripts[1] - 3, b"\x09\x05")
    yield "band-with-dc.jpg", _with(data, scripts[1] - 3, b"\x00")
    yield "bits-too-high.jpg", _with(data, scripts[0] - 1, b"\x0e")
    yield "bits-out-of-order.jpg", _with(data, scripts[-1] - 1, b"\x20")
    yield "bits-never-there.jpg", _with(data, scripts[1] - 1, b"\x21")
    yield "scan-of-nobody.jpg", _with(data, starts[1] + 5, b"\x09")
    yield "table-of-nobody.jpg", _with(data, starts[1] + 6, b"\x03")
    yield "scan-of-nothing.jpg", _with(data, starts[1] + 4, b"\x00")


def scratched(count: int, seed: int = SEED, **options: object) -> Iterator[bytes]:
    """Files with a few bytes changed anywhere: some are read all the same."""
    rng = np.random.default_rng(seed)
    data = np.frombuffer(good(seed, **options), np.uint8)
    for _ in range(count):
        damaged = data.copy()
        places = rng.integers(0, len(data), rng.integers(1, 4))
        damaged[places] = rng.integers(0, 256, len(places))
        yield damaged.tobytes()


def _as(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 32), "teal").save(file, kind)
    return file.getvalue()


def _with(data: bytes, place: int, other: bytes) -> bytes:
    return data[:place] + other + data[place + len(other) :]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in bad_jpegs():
        (folder / name).write_bytes(content)

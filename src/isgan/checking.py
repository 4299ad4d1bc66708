"""Is a file as a camera or a tool saved it, or was it changed on the way? Never: is something hidden in it?

What is hidden does not survive a change. Services that carry pictures compress them again, make them smaller, or write
the metadata anew, and leave signs of that; none of these signs depends on anything hidden.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from PIL import ExifTags, Image, JpegImagePlugin

from isgan.covers.jpeg import JpegCover
from isgan.covers.past import past_of
from isgan.covers.png import PngCover
from isgan.decoders import FORMATS, lossy_format, opened
from isgan.errors import IsganError
from isgan.jfif.quality import quality_of, steps
from isgan.jfif.segments import Damaged

COMPRESSED, RESIZED, REWRITTEN, SCREENSHOT = "compressed again", "resized", "metadata rewritten", "screenshot"
CONVERTED, DAMAGED = "saved as another kind", "damaged"

SERVICE_SIDES = (720, 960, 1080, 1280, 1440, 1600, 1920, 2048, 2560)
"""Pixels of the longer side to which services reduce pictures."""
SCREENS = {
    (640, 1136), (750, 1334), (828, 1792), (1080, 1920), (1080, 2160), (1080, 2220), (1080, 2280), (1080, 2340),
    (1080, 2400), (1080, 2408), (1125, 2436), (1170, 2532), (1179, 2556), (1206, 2622), (1242, 2208), (1242, 2688),
    (1284, 2778), (1290, 2796), (1320, 2868), (1440, 2560), (1440, 2960), (1440, 3040), (1440, 3088), (1440, 3120),
    (1440, 3200), (720, 1280), (720, 1520), (720, 1600), (768, 1366), (800, 1280), (900, 1440), (900, 1600),
    (1050, 1680), (1200, 1920), (1600, 2560), (1440, 3440), (2160, 3840), (1536, 2048), (1620, 2160), (1640, 2360),
    (1668, 2224), (1668, 2388), (2048, 2732), (1964, 3024), (2234, 3456), (1800, 2880),
}  # fmt: skip
DRAWN = 0.5
"""Share of pixels that are exactly like their left and upper neighbours, from which on a picture is drawn rather than
photographed."""

MODES = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (2, 1), (1, 2), (0, 3), (3, 0))
"""Frequencies whose histograms are looked at."""
VALUES, REACH = 24, 6
FEWEST = 20  # coefficients that have to have a value for a smaller one to be judged by it
MISSING = 0.6  # of what a larger value has
GAPS = 4  # values, over all modes, that say that coefficients were rounded twice


class Sign(NamedTuple):
    """What seems to have happened to a file, and what says so."""

    change: str
    reason: str


def check(data: bytes, name: str) -> dict[str, Any]:
    """Facts and signs of changes, by name, and a verdict.

    Raises:
        IsganError: it is no picture that can be read.
    """
    with opened(data, name, FORMATS) as image:
        kind, size, exif = str(image.format), image.size, _exif(image)
        signs = list(_of_size(size, exif)) + list(_of_exif(image, exif))
        facts: dict[str, Any] = {"file": f"{'JPEG' if kind == 'MPO' else kind}, {size[0]} x {size[1]}"}
        if kind in ("JPEG", "MPO"):
            facts["quality"] = _quality(image)
            if not len(exif):  # no sign by itself: many programs write none either
                facts["EXIF"] = "none; cameras write it, and services take it out"
            if image.info.get("progressive"):
                signs.append(
                    Sign(COMPRESSED, "it is progressive, as web sites and services write files and cameras do not, unless the cover was")
                )
    if kind in ("JPEG", "MPO"):
        signs += _of_coefficients(data, name)
    elif kind == "PNG":
        signs += _of_pixels(data, name, size)
    else:
        signs.append(_of_kind(data, kind))
    for sign in signs:
        facts[sign.change] = f"{facts[sign.change]}; {sign.reason}" if sign.change in facts else sign.reason
    changes = list(dict.fromkeys(sign.change for sign in signs))
    facts["verdict"] = (
        f"perhaps changed on the way ({', '.join(changes)}): ask for it as a file" if changes else "as it was saved, as far as can be seen"
    )
    return facts


def _of_kind(data: bytes, kind: str) -> Sign:
    """Of a file that is neither JPEG nor PNG, in which alone secrets come."""
    lossy = lossy_format(data)
    if lossy:
        return Sign(COMPRESSED, f"its kind is {lossy}, which phones save or services make; secrets come in PNG and JPEG files")
    if kind == "GIF":
        return Sign(COMPRESSED, "its kind is GIF, which keeps 256 colours; secrets come in PNG and JPEG files")
    return Sign(CONVERTED, f"its kind is {kind}, and secrets come in PNG and JPEG files; this one loses nothing, so it may still reveal")


def _of_size(size: tuple[int, int], exif: Image.Exif) -> Iterator[Sign]:
    detailed = exif.get_ifd(ExifTags.IFD.Exif)
    width, height = detailed.get(ExifTags.Base.ExifImageWidth), detailed.get(ExifTags.Base.ExifImageHeight)
    if isinstance(width, int) and isinstance(height, int) and width > 0 < height and {width, height} != {*size}:
        yield Sign(RESIZED, f"EXIF speaks of {width} x {height} pixels")
    elif max(size) in SERVICE_SIDES and not exif.get(ExifTags.Base.Model):
        yield Sign(RESIZED, f"its longer side has {max(size)} pixels, to which services reduce pictures")
    if tuple(sorted(size)) in SCREENS and not exif.get(ExifTags.Base.Model):
        yield Sign(SCREENSHOT, f"{size[0]} x {size[1]} is the size of a screen")


def _of_exif(image: Image.Image, exif: Image.Exif) -> Iterator[Sign]:
    software = str(exif.get(ExifTags.Base.Software, "") or image.info.get("Software", "")).strip("\0 ")
    if software and not exif.get(ExifTags.Base.Model):
        yield Sign(REWRITTEN, f"it was saved by {software[:60]!r}, and names no camera")
    elif any(
        word in software.lower() for word in ("photoshop", "gimp", "lightroom", "picasa", "snapseed", "paint", "imagemagick", "instagram")
    ):
        yield Sign(REWRITTEN, f"it was saved by {software[:60]!r}")


def _quality(image: Image.Image) -> str:
    assert isinstance(image, JpegImagePlugin.JpegImageFile)
    tables = image.quantization  # row by row
    table = np.array(tables[min(tables)]).reshape(8, 8)
    quality = quality_of(table)
    usual = np.array_equal(steps(quality), table)
    whose = "the usual tables, as most programs use" if usual else "tables of its own, as many cameras and some programs have"
    return f"{quality}, by {whose}"


def _of_coefficients(data: bytes, name: str) -> Iterator[Sign]:
    try:
        cover = JpegCover.read(data, name)
    except Damaged as error:
        yield Sign(DAMAGED, str(error))
        return
    except IsganError:
        return  # arithmetic coding and other kinds, which the rest of the signs are about
    gaps = rounded_twice(cover.planes[0])
    if gaps >= GAPS:
        yield Sign(
            COMPRESSED,
            f"its coefficients were rounded twice, by coarser and finer steps ({gaps} gaps in their histograms)",
        )


def rounded_twice(plane: np.ndarray) -> int:
    """How many values of low frequencies are far rarer than a larger one near them: of coefficients that were rounded
    once, none is.

    Args:
        plane: (h, w) quantised coefficients of Y.
    """
    gaps = 0
    for row, column in MODES:
        sizes = np.minimum(np.abs(plane[row::8, column::8]), VALUES + REACH)
        counts = np.bincount(sizes.ravel(), minlength=VALUES + REACH + 1)[:-1].astype(float)
        larger = np.lib.stride_tricks.sliding_window_view(counts[2:], REACH)[: VALUES - 1].max(axis=1)
        here = counts[1:VALUES]
        gaps += int(((larger >= FEWEST) & (here < MISSING * larger) & (larger - here > 4 * np.sqrt(larger))).sum())
    return gaps


def _of_pixels(data: bytes, name: str, size: tuple[int, int]) -> Iterator[Sign]:
    cover = PngCover.read(data, name)
    same = np.ones((size[1] - 1, size[0] - 1), bool)
    for plane in cover.planes:
        same &= (plane[1:, 1:] == plane[:-1, 1:]) & (plane[1:, 1:] == plane[1:, :-1])
    if same.size and same.mean() > DRAWN:
        yield Sign(SCREENSHOT, f"{100 * same.mean():.0f} % of it is of even colour: it is drawn, not photographed")
        return
    past = past_of(cover.planes)
    if past:
        yield Sign(COMPRESSED, f"the picture {past}")


def _exif(image: Image.Image) -> Image.Exif:
    """What EXIF there is; none where it makes no sense."""
    try:
        exif = image.getexif()
        exif.get_ifd(ExifTags.IFD.Exif)
    except Exception:  # damaged metadata makes Pillow raise nearly anything
        return Image.Exif()
    return exif

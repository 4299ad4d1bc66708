"""16 bits for each sample to 8, rounded: v / 257 to the nearest.

Pillow holds no colour picture of 16 bits: it gives the high byte of each sample, which is up to a level too dark. Told
that the bytes lie the other way round, it gives the low byte. From both, no number of 16 bits is ever needed:
v / 257 = high + (low - high) / 257, and the fraction is between -1 and 1.
"""

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin

from isgan.errors import IsganError

BITS_PER_SAMPLE, PHOTOMETRIC, PLANAR = 258, 262, 284  # tags of TIFF
SWAPPED = {"B": "L", "L": "B", "N": "B"}  # libtiff gives native order, and every machine that Pillow is built for is little-endian
GRAY = ("I;16", "I;16L", "I;16B", "I;16N")


def bits(image: Image.Image) -> int:
    """Bits of each sample in the file of an image whose pixels were not loaded yet, whatever its mode says."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return max(image.tag_v2.get(BITS_PER_SAMPLE, (8,)))
    if image.mode in GRAY or (image.format == "PNG" and ";16" in str(getattr(image, "tile", ""))):
        return 16
    return int(image.info.get("bit_depth", 8))  # of HEIF


def rounded(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Samples of 16 bits as the nearest of 8; high and low bytes, any shape, uint8 -> the same shape, uint8."""
    more = low.astype(np.int16) - high
    return high + (more > 128).astype(np.uint8) - (more < -128).astype(np.uint8)


def gray(image: Image.Image) -> Image.Image:
    """An image of 16-bit gray as one of mode L, or LA where one value is transparent."""
    deep: np.ndarray = np.array(image).astype(np.uint16)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        if bits(image) == 12:
            deep = deep << 4 | deep >> 8
        if image.tag_v2.get(PHOTOMETRIC) == 0:  # white is 0, which Pillow minds only of 8 bits and fewer
            deep = 65535 - deep
    shallow = Image.fromarray(rounded((deep >> 8).astype(np.uint8), deep.astype(np.uint8)))
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        shallow.putalpha(Image.fromarray(np.where(deep == clear, 0, 255).astype(np.uint8)))
    return shallow


def color(image: Image.Image, again: ImageFile.ImageFile, name: str) -> Image.Image:
    """An image of 16 bits for each of several channels as one of mode LA, RGB, RGBA or CMYK.

    Args:
        image, again: the same file, opened twice, with no pixels loaded.
        name: for messages.
    """
    kinds = {_raw(tile) for tile in again.tile}
    (kind,) = kinds if len(kinds) == 1 else ("",)
    planar = isinstance(again, TiffImagePlugin.TiffImageFile) and again.tag_v2.get(PLANAR, 1) != 1
    if kind == "LA;16B":  # the four bytes of a pixel are those of an RGBA one
        again.tile = [_with(tile, "RGBA") for tile in again.tile]
        brightness, rest, alpha, more = (np.asarray(channel) for channel in again.split())
        return Image.merge("LA", [Image.fromarray(rounded(*both)) for both in ((brightness, rest), (alpha, more))])
    if planar or bits(again) != 16 or not kind.startswith(("RGB;16", "RGBA;16", "RGBX;16", "CMYK;16")):
        raise IsganError(f"{name} has {bits(image)} bits per channel in a rare layout: save it with 8 bits per channel")
    again.tile = [_with(tile, kind[:-1] + SWAPPED[kind[-1]]) for tile in again.tile]
    clear = image.info.get("transparency")
    values = clear if image.mode == "RGB" and isinstance(clear, tuple) else None
    shallow, match = [], np.ones(image.size[::-1], bool)
    for number, channel in enumerate(image.getbands()):  # one at a time, to take less memory
        high, low = np.asarray(image.getchannel(channel)), np.asarray(again.getchannel(channel))
        shallow.append(Image.fromarray(rounded(high, low)))
        if values:
            match &= (high == values[number] >> 8) & (low == values[number] & 255)
    merged = Image.merge(image.mode, shallow)
    if values:
        merged.putalpha(Image.fromarray(np.where(match, 0, 255).astype(np.uint8)))
    return merged


def _raw(tile: ImageFile._Tile) -> str:
    """What the bytes of a pixel mean, of a tile of Pillow's."""
    return str(tile.args[0] if isinstance(tile.args, tuple) else tile.args)


def _with(tile: ImageFile._Tile, raw: str) -> ImageFile._Tile:
    """The tile with another meaning of its bytes."""
    return tile._replace(args=(raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw)

"""Any picture as 8-bit numbers, as it is meant to be seen: upright, on white, in sRGB; and as a PNG.

`isgan.decoders` says which files are read and what is refused.
"""

import io
import warnings
from typing import Literal, TypeAlias

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

from isgan.decoders import decode, decoded_of, decoding
from isgan.decoders.limits import check_size
from isgan.decoders.profiles import to_srgb
from isgan.errors import IsganError, IsganWarning
from isgan.files import File, name_of, read_file

Source: TypeAlias = File | Image.Image | np.ndarray
Fit: TypeAlias = Literal["stretch", "crop", "pad"]


def read_picture(source: Source, frame: int | None = None, name: str | None = None) -> np.ndarray:
    """A picture as it is meant to be seen, (H, W) uint8 of gray files and arrays, else (H, W, 3) uint8 in sRGB.

    Palettes and 1-bit pictures are resolved, 16 bits per channel rounded to 8, the orientation is applied, colours are converted
    from an ICC profile to sRGB. Alpha is dropped where it is opaque everywhere; otherwise the picture is put on white. What is not
    plain is told in an `IsganWarning`. Of a phone's JPEG or HEIC with further pictures inside the main one is read.

    Args:
        source: a PNG, JPEG, WebP, TIFF, BMP, GIF, AVIF or (extra `heif`) HEIC file, by its path, its bytes, or open; a Pillow image
            (what its loader already reduced to 8 bits cannot be told from 8 bits); or a uint8 array (H, W), (H, W, 1), (H, W, 3)
            or (H, W, 4), channels last.
        frame: of an animated file or one with several pages which one, from 1 on.
        name: what messages call it; by default its path.

    Raises:
        IsganError: missing, unreadable, damaged, truncated or too large; another format; several frames, and none chosen; samples
            of 32 bits; Lab and the like.
    """
    return np.array(_seen(source, frame, name))


def read_rgb(source: Source, frame: int | None = None, name: str | None = None) -> np.ndarray:
    """`read_picture` as (H, W, 3) uint8, gray repeated."""
    return np.array(_seen(source, frame, name).convert("RGB"))


def read_gray(source: Source, frame: int | None = None, name: str | None = None) -> np.ndarray:
    """`read_picture` as (H, W) uint8, by Pillow's BT.601 gray, which leaves gray pictures as they are."""
    return np.array(_seen(source, frame, name).convert("L"))


def png_bytes(
    image: np.ndarray | Image.Image,
    profile: bytes | None = None,
    chunks: tuple[tuple[bytes, bytes], ...] = (),
) -> bytes:
    """A PNG of samples, what says how to show them, and nothing else.

    It is what Pillow's own `save` writes, at any size: a file must not show that isgan wrote it.

    Args:
        image: (H, W, 3) RGB or (H, W) gray uint8, or a Pillow image.
        profile: an ICC profile.
        chunks: among `COLOR_CHUNKS`.
    """
    if isinstance(image, np.ndarray):
        check_array(image, (3,))
        image = Image.fromarray(image)
    info = PngImagePlugin.PngInfo()
    for kind, content in chunks:
        info.add(kind, content)
    file = io.BytesIO()
    image.save(file, "PNG", icc_profile=profile, pnginfo=info, transparency=None)
    return file.getvalue()


def fit(picture: np.ndarray, height: int, width: int, how: Fit = "stretch") -> np.ndarray:
    """Brings a picture to a size, (H, W [, 3]) uint8 -> (height, width [, 3]) uint8; one that has it stays untouched.

    Args:
        picture: what to fit.
        height, width: the size.
        how: "stretch" changes the proportions; "crop" keeps them and the middle; "pad" adds black bars.
    """
    size, lanczos = (width, height), Image.Resampling.LANCZOS
    if picture.shape[:2] == (height, width):
        return picture
    image = Image.fromarray(picture)
    match how:
        case "stretch":
            return np.array(image.resize(size, lanczos))
        case "crop":
            return np.array(ImageOps.fit(image, size, lanczos))
        case "pad":
            return np.array(ImageOps.pad(image, size, lanczos))
    raise IsganError(f"fit is 'stretch', 'crop' or 'pad', not '{how}'")


def check_array(array: np.ndarray, channels: tuple[int, ...]) -> None:
    """`IsganError` if it is no picture: uint8, (H, W) or (H, W, C) with one of these numbers of channels."""
    if array.dtype != np.uint8:
        remedy = "for floats in [0, 1]: (255 * x).round().clip(0, 255).astype('uint8')"
        raise IsganError(f"the array is {array.dtype}: give uint8 in 0 ... 255; {remedy}")
    if array.ndim != 2 and (array.ndim != 3 or array.shape[2] not in channels):
        shapes = " or ".join(["(H, W)", *(f"(H, W, {number})" for number in channels)])
        raise IsganError(f"the array has shape {array.shape}: give {shapes}, channels last")
    check_size(array.shape[1], array.shape[0], "the array")


def _seen(source: Source, frame: int | None, name: str | None) -> Image.Image:
    """The source upright, on white, in sRGB: an image of mode L or RGB."""
    if isinstance(source, np.ndarray):
        check_array(source, (1, 3, 4))
        flat = source[..., 0] if source.ndim == 3 and source.shape[2] == 1 else source
        return _flatten(Image.fromarray(flat), name or "the array")
    if isinstance(source, Image.Image):
        name = name or "the picture"
        with decoding(name):
            check_size(*source.size, name)
            if getattr(source, "is_animated", False) and frame is not None:
                raise IsganError(f"{name} is an open image: go to its frame with seek, and leave out frame")
            decoded = decoded_of(source, name, {})
        decoded.tell(name)
    else:
        name = name or name_of(source)
        decoded = decode(read_file(source), name, frame)
    image = _flatten(decoded.upright(), name)
    return to_srgb(image, decoded.profile) if decoded.profile else image


def _flatten(image: Image.Image, name: str) -> Image.Image:
    """An image of mode L, LA, RGB or RGBA put on white."""
    if image.mode in ("L", "RGB"):
        return image
    plain = "L" if image.mode == "LA" else "RGB"
    if image.getchannel("A").getextrema()[0] == 255:
        return image.convert(plain)
    warnings.warn(f"{name} is partly transparent: it was put on white", IsganWarning, stacklevel=5)
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert(plain)

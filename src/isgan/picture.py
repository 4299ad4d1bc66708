"""Any picture as 8-bit numbers: which files are read, within which bounds; profiles, alpha, orientation.

Everything a receiver cannot decode exactly is refused here, in one line that says what to do instead.
"""

import io
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from PIL import ExifTags, Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from isgan.errors import IsganError, IsganWarning
from isgan.files import File, name_of, read_file

Source: TypeAlias = File | Image.Image | np.ndarray
Fit: TypeAlias = Literal["stretch", "crop", "pad"]

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
"""The only decoders that ever see a file."""
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX")
"""Pillow modes that become 8-bit gray or RGB without a choice of tone curve."""
MAX_PIXELS = 100_000_000
MAX_MEMORY = 512 * 2**20
"""What a decoder may take for one picture, in bytes."""
MEMORY = {"WEBP": 16, "AVIF": 11, "JPEG2000": 20}
"""Bytes that a decoder takes for a pixel, as measured, where these are more than Pillow's own 4."""
PROGRESSIVE = 10  # of a progressive JPEG
MAX_CHUNKS = 1_000_000  # of a PNG
MAX_PROFILE = 4 * 2**20

TURNS = (
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.ROTATE_180,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
)
"""What turns an image of EXIF orientation 2 ... 8 upright."""
TIFF = (b"II*\0", b"MM\0*")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOR_CHUNKS = {b"cHRM": 32, b"cICP": 4, b"gAMA": 4, b"sRGB": 1}
"""Chunks of a PNG that say how its numbers are shown, beside an ICC profile, and how many bytes they have."""
NAMES = {
    b"GIF8": "a GIF", b"8BPS": "a Photoshop file", b"%PDF": "a PDF", b"%!PS": "PostScript", b"\0\0\1\0": "an icon",
    b"\0\0\0\x0cjP": "JPEG 2000", b"\xff\x4f\xff\x51": "JPEG 2000", b"\0\0\0\x0cJXL": "JPEG XL", b"\xff\x0a": "JPEG XL",
    b"<svg": "SVG", b"<?xml": "SVG",
}  # fmt: skip
BRANDS = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"heic": "HEIC",
    b"heix": "HEIC",
    b"mif1": "HEIC",
    b"hevc": "HEIC",
    b"msf1": "HEIC",
}
MUTE = threading.Lock()


class Decoded(NamedTuple):
    """A picture file as its decoder gives it.

    Attributes:
        image: 8-bit samples, of mode L, LA, RGB or RGBA, without information; neither turned nor converted.
        format: the container, one of `FORMATS`.
        orientation: of EXIF, 1 ... 8.
        profile: an ICC profile.
        chunks: of a PNG those that are among `COLOR_CHUNKS`, with their bytes.
    """

    image: Image.Image
    format: str
    orientation: int = 1
    profile: bytes | None = None
    chunks: tuple[tuple[bytes, bytes], ...] = ()

    def upright(self) -> Image.Image:
        """The image turned as its orientation says."""
        return self.image if self.orientation == 1 else self.image.transpose(TURNS[self.orientation - 2])


def read_picture(source: Source) -> np.ndarray:
    """A picture as it is meant to be seen, (H, W) uint8 of gray files and arrays, else (H, W, 3) uint8 in sRGB.

    Palettes and 1-bit pictures are resolved, the EXIF orientation is applied, colours are converted from an ICC profile
    to sRGB. Alpha is dropped where it is opaque everywhere; otherwise the picture is put on white, with an
    `IsganWarning`. Of a phone's JPEG with further pictures inside (MPO) the main one is read.

    Args:
        source: a PNG, JPEG, WebP, TIFF or BMP file, by its path, its bytes, or open; a Pillow image (what its loader
            already reduced to 8 bits cannot be told from 8 bits); or a uint8 array (H, W), (H, W, 1), (H, W, 3) or
            (H, W, 4), channels last.

    Raises:
        IsganError: missing, unreadable, damaged, truncated or too large; another format; several frames; more than
            8 bits per channel; CMYK, Lab and the like.
    """
    return np.array(_seen(source))


def read_rgb(source: Source) -> np.ndarray:
    """`read_picture` as (H, W, 3) uint8, gray repeated."""
    return np.array(_seen(source).convert("RGB"))


def read_gray(source: Source) -> np.ndarray:
    """`read_picture` as (H, W) uint8, by Pillow's BT.601 gray, which leaves gray pictures as they are."""
    return np.array(_seen(source).convert("L"))


def decode(data: bytes, name: str) -> Decoded:
    """The samples in a picture file; `name` is for messages. Raises what `read_picture` raises."""
    chunks: dict[bytes, bytes] = {}
    if data.startswith(PNG_SIGNATURE):
        chunks = _png_chunks(data, name)
        data = _bare_png(data)
    with opened(data, name) as image:
        return _decoded(image, name, chunks)


@contextmanager
def opened(data: bytes, name: str, formats: tuple[str, ...] = FORMATS) -> Iterator[Image.Image]:
    """A picture file with its header read and its size checked; decoders' errors become `IsganError`."""
    with _decoding(name), _muted() if data.startswith(TIFF) else nullcontext():
        try:
            image = Image.open(io.BytesIO(data), formats=formats)
        except UnidentifiedImageError:
            raise _unidentified(data, name) from None
        with image:
            memory = PROGRESSIVE if image.info.get("progressive") else MEMORY.get(str(image.format), 4)
            check_size(*image.size, name, memory)
            yield image


def is_picture(data: bytes) -> bool:
    """Whether these bytes are meant as a picture that `decode` reads, though they may be damaged."""
    if data.startswith((PNG_SIGNATURE, b"\xff\xd8\xff")):
        return True
    with suppress(Exception), Image.open(io.BytesIO(data), formats=FORMATS):  # a text may begin like a BMP
        return True
    return False


def lossy_format(data: bytes) -> str | None:
    """The name of the format if it is one in which files lose detail, None otherwise."""
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        # A file without loss has a VP8L chunk, after a VP8X chunk of 18 bytes if it has more than the picture.
        return None if data[12:16] == b"VP8L" or (b"VP8L" in data[30:] and b"VP8 " not in data[30:]) else "WebP"
    return None


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


def check_size(width: int, height: int, name: str, memory: int = 4) -> None:
    """`IsganError` for a picture without pixels, or with more than `MAX_PIXELS` or than `MAX_MEMORY` has room for.

    Args:
        width, height: in pixels, from the header.
        name: for the message.
        memory: bytes that its decoder takes for a pixel.
    """
    if width < 1 or height < 1:
        raise IsganError(f"{name} has no pixels: give a picture")
    limit = min(MAX_PIXELS, MAX_MEMORY // memory)
    if width * height > limit:
        raise IsganError(f"{name} has too many pixels: at most {limit / 1e6:.0f} megapixels are read; scale it down")


def _seen(source: Source) -> Image.Image:
    """The source upright, on white, in sRGB: an image of mode L or RGB."""
    if isinstance(source, np.ndarray):
        check_array(source, (1, 3, 4))
        flat = source[..., 0] if source.ndim == 3 and source.shape[2] == 1 else source
        return _flatten(Image.fromarray(flat), "the array")
    if isinstance(source, Image.Image):
        name = "the picture"
        with _decoding(name):
            check_size(*source.size, name)
            decoded = _decoded(source, name, {})
    else:
        name = name_of(source)
        decoded = decode(read_file(source), name)
    image = _flatten(decoded.upright(), name)
    return to_srgb(image, decoded.profile) if decoded.profile else image


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """An image of mode L or RGB with its numbers converted from an ICC profile to sRGB, unless that makes no sense."""
    from PIL import ImageCms

    with suppress(ImageCms.PyCMSError, OSError, ValueError):
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(source, srgb, image.mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC)
        # A profile that says sRGB in other words must not cost a level here and there.
        ramp = np.linspace(0, 255, 17).round().astype(np.uint8)
        samples = ramp[None] if image.mode == "L" else np.stack(np.meshgrid(ramp, ramp, ramp), -1).reshape(1, -1, 3)
        probe = Image.fromarray(samples)
        if np.abs(np.asarray(transform.apply(probe), int) - np.asarray(probe.convert("RGB"), int)).max() > 2:
            converted = transform.apply(image)
            return converted.convert("L") if image.mode == "L" else converted
    return image


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


def _decoded(image: Image.Image, name: str, chunks: dict[bytes, bytes]) -> Decoded:
    _check_kind(image, name)
    image.load()
    mode = {"1": "L", "P": "RGB", "PA": "RGBA", "RGBX": "RGB"}.get(image.mode, image.mode)
    if image.has_transparency_data:
        mode = {"L": "LA", "RGB": "RGBA"}.get(mode, mode)
    orientation = 1
    with suppress(Exception):  # malformed EXIF makes Pillow raise nearly anything, and means no orientation
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    if orientation not in range(1, 9):
        orientation = 1
    profile = _unpacked(chunks.get(b"iCCP")) or image.info.get("icc_profile")  # of a PNG file, the latter is left out
    converted = image.convert("RGBA").convert("LA") if image.mode == "1" and mode == "LA" else image.convert(mode)
    converted.info = {}
    format = "JPEG" if image.format == "MPO" else str(image.format)
    kept = tuple((kind, chunks[kind]) for kind in COLOR_CHUNKS if kind in chunks)
    return Decoded(converted, format, orientation, profile or None, kept)


@contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Turns whatever a decoder raises into one line."""
    with warnings.catch_warnings():
        # Pillow's warnings (size, odd metadata) are ours to word. Only Pillow's: threads share the filters.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        try:
            yield
        except (IsganError, IsganWarning, MemoryError):
            raise
        except Image.DecompressionBombError:
            check_size(MAX_PIXELS, 2, name)
        except Exception as error:  # damaged data makes decoders raise nearly anything
            reason = " ".join(str(error).split()) or type(error).__name__
            raise IsganError(f"{name} is damaged or incomplete ({reason}): get it again or save it as PNG") from error


@contextmanager
def _muted() -> Iterator[None]:
    """libtiff writes what it does not like to the process's standard error by itself."""
    with MUTE:
        try:
            kept = os.dup(2)
        except OSError:  # there is none
            yield
            return
        try:
            with Path(os.devnull).open("wb") as nothing:
                os.dup2(nothing.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _unidentified(data: bytes, name: str) -> IsganError:
    """Why no allowed decoder took the file, from its signature alone."""
    if data.startswith((b"RIFF", *TIFF, PNG_SIGNATURE[:4], b"BM", b"\xff\xd8")):
        return IsganError(f"{name} is damaged or of a rare kind: get it again or save it as 8-bit PNG")
    kind = BRANDS.get(data[8:12]) if data[4:8] == b"ftyp" else None
    kind = kind or next((NAMES[start] for start in NAMES if data.startswith(start)), None)
    if kind:
        return IsganError(f"{name} is {kind}, which is not supported: save it, or one frame of it, as PNG")
    return IsganError(f"{name} is not a PNG, JPEG, WebP, TIFF or BMP picture: save it as PNG")


def _check_kind(image: Image.Image, name: str) -> None:
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise IsganError(f"{name} has {frames} frames or pages: save one of them as PNG")
    # Pillow reduces some 16-bit files to 8 bits without a word, so that the mode alone does not tell.
    tiff = max(getattr(image, "tag_v2", {}).get(258, (8,))) > 8  # BitsPerSample
    png = image.format == "PNG" and ";16" in str(getattr(image, "tile", ""))
    if tiff or png or image.mode.startswith(("I", "F")):
        raise IsganError(f"{name} has more than 8 bits per channel: save it with 8 bits per channel")
    if image.mode not in MODES:
        raise IsganError(f"{name} is {image.mode}: convert it to RGB first")


def _walk(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The chunks of a PNG up to its end: kind, start and end of the content; `IndexError` if one is cut off."""
    start = len(PNG_SIGNATURE)
    while True:
        if start + 12 > len(data):
            raise IndexError
        length, kind = struct.unpack_from(">I4s", data, start)
        end = start + 8 + length
        if end + 4 > len(data):
            raise IndexError
        yield kind, start + 8, end
        if kind == b"IEND":
            return
        start = end + 4


def _png_chunks(data: bytes, name: str) -> dict[bytes, bytes]:
    """The chunks of a PNG that say how its numbers are shown, after the checksums of all that they depend on."""
    found: dict[bytes, bytes] = {}
    try:
        for count, (kind, start, end) in enumerate(_walk(data)):
            if count == MAX_CHUNKS:
                raise IndexError
            critical, wanted = not kind[0] & 32, kind == b"iCCP" or COLOR_CHUNKS.get(kind) == end - start
            if not (critical or wanted):
                continue
            right = zlib.crc32(memoryview(data)[start - 4 : end]) == int.from_bytes(data[end : end + 4], "big")
            if critical and not right:
                raise IsganError(f"{name} is damaged (a checksum is wrong): get it again or save it as PNG")
            if wanted and right and kind not in found:
                found[kind] = data[start:end]
    except IndexError:
        raise IsganError(f"{name} is damaged or incomplete (it has no end): get it again or save it as PNG") from None
    return found


def _bare_png(data: bytes) -> bytes:
    """A PNG without what its picture does not depend on: texts are never unpacked, odd metadata never parsed."""
    spans = [
        (start - 8, end + 4)
        for kind, start, end in _walk(data)
        if not kind[0] & 32 or kind in (b"tRNS", b"eXIf", b"acTL", b"fcTL")
    ]
    return PNG_SIGNATURE + b"".join(memoryview(data)[start:end] for start, end in spans)


def _unpacked(chunk: bytes | None) -> bytes | None:
    """The profile in an iCCP chunk, or None if it is none."""
    if not chunk or b"\0" not in chunk[:80]:
        return None
    packed = chunk[chunk.index(b"\0") + 2 :]
    unpacker = zlib.decompressobj()
    with suppress(zlib.error):
        profile = unpacker.decompress(packed, MAX_PROFILE)
        return profile if unpacker.eof else None
    return None

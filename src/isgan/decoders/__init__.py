"""Picture files to 8-bit samples: which are read, within which bounds, with which notes.

Everything a receiver cannot decode exactly is refused here, in one line that says what to do instead.
"""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import NamedTuple

from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from isgan.decoders import depth
from isgan.decoders.heif import deep_heif, kind_of, open_heif
from isgan.decoders.limits import DEEP, MAX_PIXELS, MEMORY, PROGRESSIVE, check_canvas, check_scans, check_size
from isgan.decoders.png import COLOR_CHUNKS, PNG_SIGNATURE, bare, color_chunks
from isgan.decoders.png import profile as png_profile
from isgan.decoders.profiles import from_inks
from isgan.decoders.quiet import muted
from isgan.errors import IsganError, IsganWarning

PILLOW = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")
FORMATS = (*PILLOW, "HEIF")
"""The only decoders that ever see a file; HEIF's is an extra."""
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "La", "CMYK", *depth.GRAY)
"""Pillow modes that become 8-bit gray or RGB without a choice of tone curve."""
FIRST = ("MPO", "HEIF")
"""Formats with a main picture among others, which is meant where no frame is named: depth maps and the like are the others."""
MAX_FRAME = 1000
"""Frames after it are not looked for: all before it have to be decoded."""

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
JPEG, TIFF = b"\xff\xd8\xff", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
LOSSY_TIFF = ("jpeg", "tiff_jpeg", "webp")
NAMES = {
    b"8BPS": "a Photoshop file", b"%PDF": "a PDF", b"%!PS": "PostScript", b"\0\0\1\0": "an icon",
    b"\0\0\0\x0cjP": "JPEG 2000", b"\xff\x4f\xff\x51": "JPEG 2000", b"\0\0\0\x0cJXL": "JPEG XL", b"\xff\x0a": "JPEG XL",
    b"<svg": "SVG", b"<?xml": "SVG",
}  # fmt: skip
logging.getLogger("PIL").addHandler(logging.NullHandler())
"""What Pillow logs goes to whoever set up logging, and not, for want of that, to standard error."""
STARTS = (b"RIFF", *TIFF, PNG_SIGNATURE[:4], b"BM", b"\xff\xd8", b"GIF8")


class Decoded(NamedTuple):
    """A picture file as its decoder gives it.

    Attributes:
        image: 8-bit samples, of mode L, LA, RGB or RGBA, without information; neither turned nor, but for CMYK, converted.
        format: the container, one of `FORMATS`.
        orientation: of EXIF, 1 ... 8.
        profile: an ICC profile.
        chunks: of a PNG those that are among `COLOR_CHUNKS`, with their bytes.
        notes: what was done to the samples that the user should know.
    """

    image: Image.Image
    format: str
    orientation: int = 1
    profile: bytes | None = None
    chunks: tuple[tuple[bytes, bytes], ...] = ()
    notes: tuple[str, ...] = ()

    def upright(self) -> Image.Image:
        """The image turned as its orientation says."""
        return self.image if self.orientation == 1 else self.image.transpose(TURNS[self.orientation - 2])

    def tell(self, name: str) -> None:
        """An `IsganWarning` for each of the notes."""
        for note in self.notes:
            warnings.warn(f"{name} {note}", IsganWarning, stacklevel=4)


def decode(data: bytes, name: str, frame: int | None = None) -> Decoded:
    """The samples in a picture file.

    Args:
        data: a file.
        name: for messages.
        frame: of an animated file or one with several pages which one, from 1 on; still pictures have one alone.

    Raises:
        IsganError: what `isgan.picture.read_picture` raises.
    """
    chunks: dict[bytes, bytes] = {}
    if data.startswith(PNG_SIGNATURE):
        chunks = color_chunks(data, name)
        data = bare(data)
    with opened(data, name) as image:
        chosen, animated = _choose(image, frame, name), getattr(image, "is_animated", False)
        _check_size(image, name)  # pages differ
        _check_mode(image, name)
        if depth.bits(image) > 8 and image.mode not in depth.GRAY:
            decoded = _deep(data, image, chosen, name, chunks)
        else:
            decoded = decoded_of(image, name, chunks)
    if frame is not None and frame > 1 and not animated:
        decoded = decoded._replace(notes=(*decoded.notes, f"has one frame alone: --frame {frame} means nothing to it"))
    decoded.tell(name)  # not before: standard error may have been muted
    return decoded


@contextmanager
def opened(data: bytes, name: str, formats: tuple[str, ...] = FORMATS) -> Iterator[Image.Image]:
    """A picture file with its header read and its size checked; decoders' errors become `IsganError`."""
    with decoding(name), muted() if data.startswith(TIFF) else nullcontext():
        if _is_webp(data):
            check_canvas(data, name)
        if "HEIF" in formats and kind_of(data) == "HEIC":
            image: Image.Image = open_heif(data, name)
        else:
            try:
                image = Image.open(io.BytesIO(data), formats=[kind for kind in formats if kind != "HEIF"])
            except UnidentifiedImageError:
                raise _unidentified(data, name) from None
        with image:
            _check_size(image, name)
            if data.startswith(JPEG):
                check_scans(data, name)
            yield image


@contextmanager
def decoding(name: str) -> Iterator[None]:
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
            said = "".join(letter if letter.isprintable() else " " for letter in str(error))
            reason = " ".join(said.split()) or type(error).__name__
            raise IsganError(f"{name} is damaged or incomplete ({reason}): get it again or save it as PNG") from error


def is_picture(data: bytes) -> bool:
    """Whether these bytes are meant as a picture that `decode` reads, though they may be damaged or need an extra."""
    if data.startswith((PNG_SIGNATURE, JPEG)) or _is_webp(data) or kind_of(data):
        return True
    with suppress(IsganError), decoding("it"), Image.open(io.BytesIO(data), formats=PILLOW):  # a text may begin like a BMP
        return True
    return False


def lossy_format(data: bytes) -> str | None:
    """The name of the format if it is one in which files lose detail, None otherwise."""
    if data.startswith(JPEG):
        return "JPEG"
    if _is_webp(data):
        # A file without loss has a VP8L chunk, after a VP8X chunk of 18 bytes if it has more than the picture.
        return None if data[12:16] == b"VP8L" or (b"VP8L" in data[30:] and b"VP8 " not in data[30:]) else "WebP"
    if data.startswith(TIFF):
        with suppress(IsganError), opened(data, "", ("TIFF",)) as image:
            return "lossy TIFF" if image.info.get("compression") in LOSSY_TIFF else None
    return kind_of(data)


def _is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def decoded_of(image: Image.Image, name: str, chunks: dict[bytes, bytes]) -> Decoded:
    """An opened image with 8 bits for each sample, or 16-bit gray, as `Decoded`."""
    _check_mode(image, name)
    if image.mode not in depth.GRAY and depth.bits(image) > 8:  # an image that Pillow has open
        raise IsganError(f"{name} has more than 8 bits per channel: give the file itself, or save it with 8 bits per channel")
    image.load()
    if image.mode in depth.GRAY:
        return _described(depth.gray(image), image, chunks, _rounded_note(image))
    mode = {"1": "L", "P": "RGB", "PA": "RGBA", "RGBX": "RGB", "RGBa": "RGBA", "La": "LA"}.get(image.mode, image.mode)
    if image.has_transparency_data:
        mode = {"L": "LA", "RGB": "RGBA"}.get(mode, mode)
    # Pillow knows no way from 1 bit to LA.
    converted = image.convert("RGBA").convert("LA") if image.mode == "1" and mode == "LA" else image.convert(mode)
    return _described(converted, image, chunks)


def _check_size(image: Image.Image, name: str) -> None:
    check_size(*image.size, name, PROGRESSIVE if image.info.get("progressive") else MEMORY.get(str(image.format), 4))


def _check_mode(image: Image.Image, name: str) -> None:
    if image.mode in ("I", "F"):
        raise IsganError(f"{name} has samples of 32 bits, of which nobody knows what is white: save it with 8 or 16 bits per channel")
    if image.mode not in MODES:
        raise IsganError(f"{name} is {image.mode}: convert it to RGB first")


def _deep(data: bytes, image: Image.Image, frame: int, name: str, chunks: dict[bytes, bytes]) -> Decoded:
    """A picture with more than 8 bits for each of several channels."""
    check_size(*image.size, name, DEEP)
    note = _rounded_note(image)
    if image.format == "HEIF":
        return _described(deep_heif(data, frame), image, chunks, note)
    if frame > 0 and image.format == "PNG":
        raise IsganError(f"{name} is animated and has 16 bits per channel: save the frame as PNG with 8 bits per channel")
    with opened(data, name) as again:
        assert isinstance(again, ImageFile.ImageFile)
        again.seek(frame)
        return _described(depth.color(image, again, name), image, chunks, note)


def _described(pixels: Image.Image, image: Image.Image, chunks: dict[bytes, bytes], *notes: str) -> Decoded:
    """Pixels, with what the image that they come from says of them; those of mode CMYK in RGB."""
    orientation = 1
    with suppress(Exception):  # malformed EXIF makes Pillow raise nearly anything, and means no orientation
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    if orientation not in range(1, 9):
        orientation = 1
    profile = png_profile(chunks.get(b"iCCP")) or image.info.get("icc_profile")  # of a PNG file, the latter is left out
    profile = profile if profile and isinstance(profile, bytes) else None  # a TIFF may have anything there
    if pixels.mode == "CMYK":
        converted = from_inks(pixels, profile)
        notes = (*notes, "is CMYK: it was converted to sRGB" if converted else
                 "is CMYK without a colour profile: it was converted to RGB, and its colours are not exactly right")  # fmt: skip
        pixels, profile = converted or pixels.convert("RGB"), None
    pixels.info = {}
    format = "JPEG" if image.format == "MPO" else str(image.format)
    kept = tuple((kind, chunks[kind]) for kind in COLOR_CHUNKS if kind in chunks)
    return Decoded(pixels, format, orientation, profile, kept, notes)


def _rounded_note(image: Image.Image) -> str:
    return f"has {depth.bits(image)} bits per channel: it was rounded to 8"


def _choose(image: Image.Image, frame: int | None, name: str) -> int:
    """Goes to the frame that is asked for, from 1 on, and returns its number, from 0 on."""
    if not getattr(image, "is_animated", False):
        return 0
    if frame is None:
        if image.format in FIRST:
            return image.tell()
        raise IsganError(f"{name} has several frames or pages: --frame 1 takes the first of them (and --exact a secret as it is)")
    if not 1 <= frame <= MAX_FRAME:
        raise IsganError(f"there is no frame {frame}: --frame is from 1 to {MAX_FRAME}")
    try:
        image.seek(frame - 1)
    except EOFError:
        raise IsganError(f"{name} has fewer frames or pages than {frame}: give --frame a smaller number") from None
    return frame - 1


def _unidentified(data: bytes, name: str) -> IsganError:
    """Why no allowed decoder took the file, from its signature alone."""
    if data.startswith(STARTS) or kind_of(data):
        return IsganError(f"{name} is damaged or of a rare kind: get it again or save it as 8-bit PNG")
    kind = next((NAMES[start] for start in NAMES if data.startswith(start)), None)
    if kind:
        return IsganError(f"{name} is {kind}, which is not supported: save it as PNG")
    return IsganError(f"{name} is not a PNG, JPEG, WebP, TIFF, BMP, GIF, AVIF or HEIC picture: save it as PNG")

"""Image files to arrays to tensors, and back: the only place where pictures are read and written.

Everything a receiver cannot decode exactly is refused here, in one line that says what to do instead.
"""

import os
import secrets
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from isgan.errors import IsganError, IsganWarning

if TYPE_CHECKING:
    import torch

Source: TypeAlias = str | os.PathLike | Image.Image | np.ndarray

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
"""The only decoders that ever see a file."""
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX")
"""Pillow modes that become 8-bit RGB without a choice of colour profile or tone curve."""
MAX_BYTES = 512 * 2**20
MAX_PIXELS = 100_000_000
LARGE = 4_000_000
LOSSY = (".jpg", ".jpeg", ".jfif", ".webp", ".avif", ".heic", ".jp2", ".gif")
BITS_PER_SAMPLE = 258  # TIFF tag


def read_rgb(source: Source, upright: bool = True) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8 RGB, in 0 ... 255.

    Gray, 1-bit and palette pictures become RGB. The EXIF orientation is applied. Alpha is dropped where it is opaque
    everywhere; otherwise the picture is put on white, with an `IsganWarning`. Colour profiles are ignored: the numbers
    in the file are the pixels. Of a phone's JPEG with further pictures inside (MPO) the main one is read.

    Args:
        source: a PNG, JPEG, WebP, TIFF or BMP file; a Pillow image (what its loader already reduced to 8 bits cannot be
            told from 8 bits); or a uint8 array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), channels last.
        upright: apply the EXIF orientation.

    Raises:
        IsganError: missing, unreadable, damaged, truncated or too large; another format; several frames; more than
            8 bits per channel; CMYK, Lab and the like.
    """
    return np.array(_read(source, upright))


def read_gray(source: Source) -> np.ndarray:
    """Read a picture as (H, W) uint8: `read_rgb`, then Pillow's BT.601 gray, which leaves gray pictures as they are."""
    return np.array(_read(source).convert("L"))


def format_of(path: str | os.PathLike) -> str:
    """Name of the file's container, one of `FORMATS`, from its header alone; raises what `read_rgb` raises."""
    with _opened(Path(path)) as image:
        return "JPEG" if image.format == "MPO" else str(image.format)


def check_output(path: str | os.PathLike, force: bool = False, inputs: Iterable[Source] = ()) -> Path:
    """Refuse an output path that cannot be written, or should not, before any work is done.

    Args:
        path: ends in `.png`, in a folder that exists. A symbolic link there is replaced, not followed.
        force: allow an existing file to be overwritten, though never one of the inputs.
        inputs: what the output is made from; pictures in memory are skipped.

    Raises:
        IsganError: another suffix, a folder, no such folder, no permission, an existing file, one of the inputs.
    """
    path = Path(path)
    name = _quoted(path)
    with _system_errors(f"write {name}", "choose another folder"):
        if path.is_dir():
            raise IsganError(f"{name} is a folder: add a file name, like {_quoted(path / 'picture.png')}")
        _check_suffix(path, name)
        if not path.parent.is_dir():
            raise IsganError(f"the folder {_quoted(path.parent)} does not exist: create it first")
        files = [Path(source) for source in inputs if isinstance(source, str | os.PathLike)]
        if path.exists() and any(path.samefile(file) for file in files if file.exists()):
            raise IsganError(f"{name} is also an input, which would be lost: choose another name")
        if not force and os.path.lexists(path):
            raise _exists(name)
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise IsganError(f"the folder {_quoted(path.parent)} is not writable: choose another folder")
    return path


def check_array(array: np.ndarray, channels: tuple[int, ...]) -> None:
    """`IsganError` if it is no picture: uint8, (H, W) or (H, W, C) with one of these numbers of channels."""
    if array.dtype != np.uint8:
        remedy = "for floats in [0, 1]: (255 * x).round().clip(0, 255).astype('uint8')"
        raise IsganError(f"the array is {array.dtype}: give uint8 in 0 ... 255; {remedy}")
    if array.ndim != 2 and (array.ndim != 3 or array.shape[2] not in channels):
        shapes = " or ".join(["(H, W)", *(f"(H, W, {number})" for number in channels)])
        raise IsganError(f"the array has shape {array.shape}: give {shapes}, channels last")
    _check_size(array.shape[:2], "the array")


def write_png(
    array: np.ndarray,
    path: str | os.PathLike,
    force: bool = False,
    verify: Callable[[np.ndarray], object] | None = None,
) -> Path:
    """Write a picture as PNG, without metadata, whole or not at all.

    A temporary file in the same folder is written, flushed to the disk, read back and compared, then moved into place.
    Whatever goes wrong, no file is left and an older one is untouched.

    Args:
        array: (H, W, 3) RGB or (H, W) gray, uint8.
        path: see `check_output`.
        force: overwrite an existing file.
        verify: called with the picture as it was read back from the temporary file, which is what the receiver will get; what it
            raises is passed on and nothing is written.

    Raises:
        IsganError: what `check_output` raises; an array that is no picture; a full disk and other system errors.
    """
    path = check_output(path, force)
    name = _quoted(path)
    check_array(array, (3,))
    # Built from the array alone: an embedded thumbnail or position of the cover would give the sender away.
    picture = Image.fromarray(array)
    temporary = path.with_name(f".isgan-{secrets.token_hex(8)}.png")
    try:
        # Not tempfile: it makes files that only their owner can read, whatever the umask says.
        with _system_errors(f"write {name}", "make room or choose another folder"), temporary.open("xb") as file:
            # Of 12 megapixels the usual level takes five times as long, and saves a seventh.
            picture.save(file, format="PNG", compress_level=1 if picture.width * picture.height > LARGE else 6)
            file.flush()
            os.fsync(file.fileno())
        saved = read_gray(temporary) if array.ndim == 2 else read_rgb(temporary)
        if not np.array_equal(array, saved):
            raise IsganError(f"{name} read back differs from what was written: check the disk, choose another folder")
        if verify is not None:
            verify(saved)
        with _system_errors(f"write {name}", "choose another folder"):
            _move(temporary, path, force)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def to_tensor(array: np.ndarray) -> "torch.Tensor":
    """(H, W, 3) or (H, W) uint8 in 0 ... 255 -> (1, 3, H, W) or (1, 1, H, W) float32 in [0, 1]."""
    import torch

    planes = np.atleast_3d(array).transpose(2, 0, 1)[None]
    return torch.from_numpy(np.ascontiguousarray(planes, dtype=np.float32) / 255)


def to_array(tensor: "torch.Tensor") -> np.ndarray:
    """(1, 3, H, W) or (1, 1, H, W) float in [0, 1] -> (H, W, 3) or (H, W) uint8, clipped and rounded, never truncated.

    Raises:
        ValueError: another shape.
        IsganError: a value is not a number.
    """
    import torch

    if tensor.ndim != 4 or tensor.shape[0] != 1 or tensor.shape[1] not in (1, 3):
        raise ValueError(f"expected shape (1, 3, H, W) or (1, 1, H, W), got {tuple(tensor.shape)}")
    pixels = tensor.detach().float()
    if torch.isnan(pixels).any():
        raise IsganError("the network returned values that are not numbers: use other weights, or float32")
    pixels = (pixels.clamp(0, 1) * 255).round().to(torch.uint8).cpu()
    return np.ascontiguousarray(pixels[0, 0] if pixels.shape[1] == 1 else pixels[0].permute(1, 2, 0))


def _read(source: Source, upright: bool = True) -> Image.Image:
    """The source as an 8-bit RGB image."""
    if isinstance(source, np.ndarray):
        check_array(source, (1, 3, 4))
        flat = source[..., 0] if source.ndim == 3 and source.shape[2] == 1 else source
        return _to_rgb(Image.fromarray(flat), "the array", upright)
    if isinstance(source, Image.Image):
        with _decoding("the picture"):
            return _to_rgb(source, "the picture", upright)
    path = Path(source)
    with _opened(path) as image:
        image.verify()  # the checksums of a PNG, which decoding skips; the image cannot be decoded afterwards
    with _opened(path) as image:
        return _to_rgb(image, _quoted(path), upright)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The file with its header read and its limits checked, not yet decoded."""
    name = _quoted(path)
    _check_file(path, name)
    with _decoding(name):
        try:
            image = Image.open(path, formats=FORMATS)
        except UnidentifiedImageError:
            raise _unidentified(path, name) from None
        with image:
            _check_size(image.size, name)
            yield image


def _check_file(path: Path, name: str) -> None:
    with _system_errors(f"read {name}", "check the path and its permissions"):
        if path.is_dir():
            raise IsganError(f"{name} is a folder: name one picture in it")
        if not path.is_file():
            raise IsganError(f"{name} {'is not a file' if path.exists() else 'does not exist'}: check the path")
        size = path.stat().st_size
    if size == 0:
        raise IsganError(f"{name} is empty: get the file again")
    if size > MAX_BYTES:
        raise IsganError(f"{name} is too large: at most {MAX_BYTES / 2**20:.0f} MiB are read; scale it down")


@contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises into one line."""
    with warnings.catch_warnings():
        # Pillow's warnings (size, odd metadata) are ours to word. Only Pillow's: threads share the filters.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        try:
            yield
        except (IsganError, IsganWarning, MemoryError):
            raise
        except Image.DecompressionBombError:
            raise _too_many_pixels(name) from None
        except PermissionError as error:
            raise IsganError(f"cannot read {name}: {error.strerror}; check its permissions") from error
        except Exception as error:  # damaged data makes decoders raise nearly anything
            reason = " ".join(str(error).split()) or type(error).__name__
            raise IsganError(f"{name} is damaged or incomplete ({reason}): get it again or save it as PNG") from error


def _unidentified(path: Path, name: str) -> IsganError:
    """Why no allowed decoder took the file, from its signature alone: other decoders never see more than that."""
    with path.open("rb") as file:
        prefix = file.read(16).ljust(16, b"\0")
    Image.init()
    known = [kind for kind, (_, accept) in Image.OPEN.items() if accept and accept(prefix)]
    if set(known) & set(FORMATS):
        return IsganError(f"{name} is damaged or of a rare kind: get it again or save it as 8-bit PNG")
    if known:
        return IsganError(f"{name} is {known[0]}, which is not supported: save it, or one frame of it, as PNG")
    return IsganError(f"{name} is not a PNG, JPEG, WebP, TIFF or BMP picture: save it as PNG")


def _to_rgb(image: Image.Image, name: str, upright: bool) -> Image.Image:
    """Any accepted image as a new RGB image without metadata, turned as its EXIF orientation says if it is to be `upright`."""
    _check_size(image.size, name)
    _check_kind(image, name)
    image.load()
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)  # after loading: a PNG may have it at its end
    rgb = _flatten(image, name) if image.has_transparency_data else image.convert("RGB")
    # Only the orientation is kept: Pillow writes the tags of what it turns back, and fails on odd ones.
    rgb.info = {}
    rgb.getexif()[ExifTags.Base.Orientation] = orientation if upright else 1
    return ImageOps.exif_transpose(rgb)


def _check_kind(image: Image.Image, name: str) -> None:
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise IsganError(f"{name} has {frames} frames or pages: save one of them as PNG")
    # Pillow reduces some 16-bit files to 8 bits without a word, so that the mode alone does not tell.
    tiff = max(getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, (8,))) > 8
    png = image.format == "PNG" and ";16" in str(getattr(image, "tile", ""))
    if tiff or png or image.mode.startswith(("I", "F")):
        raise IsganError(f"{name} has more than 8 bits per channel: save it with 8 bits per channel")
    if image.mode not in MODES:
        raise IsganError(f"{name} is {image.mode}: convert it to RGB first")


def _flatten(image: Image.Image, name: str) -> Image.Image:
    rgba = image.convert("RGBA")
    if rgba.getchannel("A").getextrema()[0] == 255:
        return rgba.convert("RGB")
    warnings.warn(f"{name} is partly transparent: it was put on white", IsganWarning, stacklevel=5)
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def _check_size(size: tuple[int, ...], name: str) -> None:
    if 0 in size:
        raise IsganError(f"{name} has no pixels: give a picture")
    if size[0] * size[1] > MAX_PIXELS:
        raise _too_many_pixels(name)


def _too_many_pixels(name: str) -> IsganError:
    return IsganError(f"{name} has too many pixels: at most {MAX_PIXELS / 1e6:.0f} megapixels are read; scale it down")


def _check_suffix(path: Path, name: str) -> None:
    suffix = path.suffix.lower()
    if suffix == ".png":
        return
    reason = f"{suffix} files lose detail, and with it a hidden picture" if suffix in LOSSY else "only PNG is written"
    raise IsganError(f"{name}: {reason}: use {_quoted(path.with_suffix('.png'))}")


def _exists(name: str) -> IsganError:
    return IsganError(f"{name} exists: choose another name, or use --force to overwrite it")


def _move(temporary: Path, path: Path, force: bool) -> None:
    """Give the file its name; without `force` a file that appeared meanwhile is left alone."""
    if force:
        temporary.replace(path)
        return
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise _exists(_quoted(path)) from None
    except OSError:  # FAT and some network disks have no hard links
        if os.path.lexists(path):
            raise _exists(_quoted(path)) from None
        temporary.replace(path)


@contextmanager
def _system_errors(action: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise IsganError(f"cannot {action}: {error.strerror or error}; {remedy}") from error


def _quoted(path: Path) -> str:
    """The path for a message; what would break the line or the terminal is replaced."""
    return "'" + "".join(letter if letter.isprintable() else "?" for letter in str(path)) + "'"

"""What a user gives - a path, bytes, an open file, a picture in memory - as a cover, a secret, or a stego image."""

import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from isgan.covers import covers
from isgan.covers.base import Cover
from isgan.decoders import is_picture, lossy_format
from isgan.errors import IsganError, IsganWarning
from isgan.files import Named, name_of, read_file
from isgan.options import Options
from isgan.picture import Source, fit, read_gray, read_picture, read_rgb
from isgan.schemes.base import Scheme
from isgan.secret import Secret

JPEG = b"\xff\xd8\xff"


def cover_of(source: Source, output: str | os.PathLike | None, options: Options) -> Cover:
    """The cover as the kind of file that the output is to be, or that it is itself."""
    data = read_picture(source) if isinstance(source, Image.Image | np.ndarray) else read_file(source, "the cover")
    suffix = Path(output).suffix.lower() if output is not None else ""
    kinds = [covers[name] for name in covers.names() if suffix in covers[name].suffixes]
    fallback = "jpeg" if options.jpeg_quality or (isinstance(data, bytes) and data.startswith(JPEG)) else "png"
    cover = (kinds or [covers[fallback]])[0].prepared(data, name_of(source, "the cover"), options)
    if all(plane.min() == plane.max() for plane in cover.planes):
        raise IsganError(f"{name_of(source, 'the cover')} is of one colour, where any change shows: take a photograph as cover")
    suspicion = cover.suspicion()
    if suspicion is not None:
        if options.risk != "high":
            raise IsganError(f"{suspicion}; or accept that it shows: hide with --risk high")
        warnings.warn(suspicion, IsganWarning, stacklevel=3)
    return cover


def secret_of(source: Source, options: Options, scheme: Scheme, cover: Cover | None) -> Secret:
    """The secret as the scheme takes it: a picture where it is one, the bytes of a file; `cover` is for schemes that resize."""
    shown, frame = name_of(source, "the secret"), options.frame
    name = Path(source).name if isinstance(source, str | os.PathLike) else source.name if isinstance(source, Named) else ""
    data: bytes | None = None
    picture: Image.Image | np.ndarray | bytes | None = None
    if isinstance(source, Image.Image | np.ndarray):
        picture = source
    else:
        data = read_file(source, shown)
        picture = data if not options.exact and is_picture(data) else None
    if scheme.resizes and cover is not None:
        height, width = cover.planes[0].shape
        if picture is None:
            raise IsganError(f"'{options.model}' hides pictures alone: take the default model for other files, and for --exact")
        whole = (read_rgb if options.color else read_gray)(picture, frame, shown)
        return Secret(fit(whole, height, width, options.fit), name=name)
    if picture is None:
        return Secret(data=data, name=name)
    return Secret((read_gray if options.gray else read_picture)(picture, frame, shown), data, name)


def stego_of(source: Source) -> Cover:
    """A file that may hide something, exactly as it is."""
    if isinstance(source, Image.Image | np.ndarray):
        return covers["png"].prepared(np.asarray(source), name_of(source), Options())
    data = read_file(source)
    if data.startswith(JPEG):
        return covers["jpeg"].read(data, name_of(source))
    lossy = lossy_format(data)
    if lossy:
        message = f"this is {lossy}, which changes pixels: what was hidden is probably gone; ask for the file that was saved first"
        warnings.warn(message, IsganWarning, stacklevel=3)
    return covers["png"].read(data, name_of(source))

"""Whole files of every kind that is read, made by Pillow and pillow-heif."""

import io
import struct
from functools import cache

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin


@cache
def whole() -> dict[str, bytes]:
    """Files of every kind that is read, by name, 64 x 48 pixels."""
    y, x = np.mgrid[0:48, 0:64]
    smooth = np.stack([60 + 2 * x, 60 + 2 * y, 60 + x + y], axis=-1)
    color = Image.fromarray((smooth + np.random.default_rng(3).integers(0, 40, smooth.shape)).astype(np.uint8))
    gray, glass = color.convert("L"), color.convert("RGBA")
    glass.putalpha(gray)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a maker"
    text = PngImagePlugin.PngInfo()
    text.add_text("k", "a" * 5000, zip=True)
    text.add(b"gAMA", struct.pack(">I", 45455))
    deep = Image.fromarray(np.asarray(gray).astype(np.uint16) * 257)
    inks = color.convert("CMYK")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    def saved(image: Image.Image, kind: str, **options: object) -> bytes:
        file = io.BytesIO()
        image.save(file, kind, **options)
        return file.getvalue()

    def several(kind: str, **options: object) -> bytes:
        return saved(color.copy(), kind, save_all=True, append_images=[color.rotate(angle) for angle in (90, 180)], **options)

    made = {
        "png": saved(color, "PNG", pnginfo=text, icc_profile=profile, exif=exif),
        "png-gray": saved(gray, "PNG"), "png-palette": saved(color.quantize(16), "PNG", transparency=3),
        "png-alpha": saved(glass, "PNG"), "png-16": saved(deep, "PNG"), "png-animated": several("PNG"),
        "jpeg": saved(color, "JPEG", quality=90, exif=exif, icc_profile=profile, restart_marker_blocks=3),
        "jpeg-gray": saved(gray, "JPEG"), "jpeg-progressive": saved(color, "JPEG", progressive=True),
        "jpeg-cmyk": saved(inks, "JPEG", icc_profile=profile), "mpo": several("MPO"),
        "webp": saved(color, "WEBP", exif=exif, icc_profile=profile), "webp-lossless": saved(glass, "WEBP", lossless=True),
        "webp-animated": several("WEBP"),
        "tiff": saved(color, "TIFF", icc_profile=profile), "tiff-lzw": saved(color, "TIFF", compression="tiff_lzw"),
        "tiff-deflate": saved(deep, "TIFF", compression="tiff_adobe_deflate"), "tiff-jpeg": saved(color, "TIFF", compression="jpeg"),
        "tiff-fax": saved(gray.convert("1"), "TIFF", compression="group4"), "tiff-cmyk": saved(inks, "TIFF"),
        "tiff-pages": several("TIFF"),
        "bmp": saved(color, "BMP"), "bmp-palette": saved(color.quantize(16), "BMP"),
        "gif": saved(color, "GIF"), "gif-animated": several("GIF"),
        "avif": saved(color, "AVIF", exif=exif, icc_profile=profile, speed=10), "avif-animated": several("AVIF", speed=10),
    }  # fmt: skip
    return made | _heic(color, exif)


def _heic(color: Image.Image, exif: Image.Exif) -> dict[str, bytes]:
    try:
        import pillow_heif
    except ImportError:
        return {}
    made = {}
    for name, pictures in {"heic": [color], "heic-several": [color, color.rotate(180)]}.items():
        file = pillow_heif.HeifFile()
        for picture in pictures:
            file.add_from_pillow(picture)
        file[0].info["exif"] = exif.tobytes()
        buffer = io.BytesIO()
        file.save(buffer, quality=60)
        made[name] = buffer.getvalue()
    deep = pillow_heif.from_bytes("RGB;16", color.size, (np.asarray(color).astype(np.uint16) * 257).tobytes())
    buffer = io.BytesIO()
    deep.save(buffer, quality=60)
    return made | {"heic-10": buffer.getvalue()}

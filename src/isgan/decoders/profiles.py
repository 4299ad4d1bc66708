"""Colours by an ICC profile: to sRGB, and from inks to light."""

import io
from contextlib import suppress

import numpy as np
from PIL import Image, ImageCms

SRGB = ImageCms.createProfile("sRGB")


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """An image of mode L or RGB with its numbers converted from an ICC profile to sRGB, unless that makes no sense."""
    with suppress(ImageCms.PyCMSError, OSError, ValueError):
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, SRGB, image.mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC)
        # A profile that says sRGB in other words must not cost a level here and there.
        ramp = np.linspace(0, 255, 17).round().astype(np.uint8)
        samples = ramp[None] if image.mode == "L" else np.stack(np.meshgrid(ramp, ramp, ramp), -1).reshape(1, -1, 3)
        probe = Image.fromarray(samples)
        if np.abs(np.asarray(transform.apply(probe), int) - np.asarray(probe.convert("RGB"), int)).max() > 2:
            converted = transform.apply(image)
            return converted.convert("L") if image.mode == "L" else converted
    return image


def from_inks(image: Image.Image, profile: bytes | None) -> Image.Image | None:
    """An image of mode CMYK in sRGB as its ICC profile says, black for the darkest ink; None without a usable profile."""
    if profile:
        with suppress(ImageCms.PyCMSError, OSError, ValueError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
            return ImageCms.buildTransform(source, SRGB, "CMYK", "RGB", intent, flags).apply(image)
    return None

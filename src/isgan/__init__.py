"""Hide a picture inside a picture, get it back, and know how well it was hidden.

    import isgan

    isgan.hide("cover.png", "secret.png", "stego.png")
    isgan.reveal("stego.png").show()

Pictures are file names, Pillow images or uint8 arrays. For many of them load the model once:

    steganographer = isgan.load("qim")
    stego = steganographer.hide(cover, secret)      # uint8 arrays, (H, W, 3) and (H, W) -> (H, W, 3)
    secret = steganographer.reveal(stego)           # (H, W)

Importing isgan costs nothing; torch is imported by the first call.
"""

import os
from typing import TYPE_CHECKING, Literal

from isgan.errors import IsganError, IsganWarning

if TYPE_CHECKING:
    from PIL import Image

    from isgan.image import Source
    from isgan.steganographer import Steganographer

__version__ = "0.1.0"
__all__ = ["IsganError", "IsganWarning", "hide", "load", "names", "reveal"]


def hide(
    cover: "Source",
    secret: "Source",
    output: str | os.PathLike | None = None,
    *,
    model: str | os.PathLike = "qim",
    fit: Literal["stretch", "crop", "pad"] = "stretch",
    strength: int | Literal["auto"] = "auto",
    color: bool = False,
    polish: int = 0,
    min_secret_psnr: float = 20.0,
    engine: Literal["torch", "openvino"] = "torch",
    force: bool = False,
) -> "Image.Image":
    """Hide a picture, as gray or in colour, in a colour cover of any size; returns the stego image (RGB, the cover's size).

    With `output` it is also saved, and the secret revealed from the saved file to check it. Without, saving is up to you:
    only formats that keep every pixel will do, such as PNG. JPEG destroys what is hidden.

    Args:
        cover: at least 32 pixels a side; use an own, never published photograph, once.
        secret: any picture; it takes the cover's size, and becomes gray unless `color`.
        output: a `.png` file.
        model: one of `names()` or the path of a .safetensors file; the receiver needs the same.
        fit: "stretch" the secret to the cover's size, "crop" its middle, or "pad" it with black.
        strength: from 1, faint, up, faithful, for models with such a dial; "auto" makes the worse of both ends best.
        color: keep the secret's colours, at half its resolution; for models that can, as the default one.
        polish: steps in which the result is made better for this very pair, up to 1000.
        min_secret_psnr: with `output`, no file is left if the secret comes back worse than this, in dB.
        engine: what the network runs in, see `load`.
        force: overwrite an existing `output`.

    Raises:
        IsganError: with one line that says what to do.
    """
    from PIL import Image

    from isgan import steganographer as pipeline

    if output is not None:
        hidden = pipeline.hide_file(cover, secret, output, model=model, how=fit, strength=strength, color=color, polish=polish,
                                    min_secret_psnr=min_secret_psnr, engine=engine, force=force)  # fmt: skip
        return Image.fromarray(hidden.stego)
    picture = pipeline.read_rgb(cover)
    height, width = picture.shape[:2]
    fitted = pipeline.fit(pipeline.read_rgb(secret) if color else pipeline.read_gray(secret), height, width, fit)
    return Image.fromarray(load(model, engine=engine).hide(picture, fitted, strength=strength, polish=polish))


def reveal(
    stego: "Source",
    output: str | os.PathLike | None = None,
    *,
    model: str | os.PathLike = "qim",
    engine: Literal["torch", "openvino"] = "torch",
    force: bool = False,
) -> "Image.Image":
    """Reveal the picture hidden in a stego image; returns it (gray, or RGB if hidden in colour) and saves it to `output`.

    Args:
        stego: what `hide` made, unchanged; an `IsganWarning` says if it was saved in a format that changes pixels.
        output: a `.png` file.
        model: the one that hid it.
        engine: what the network runs in, see `load`.
        force: overwrite an existing `output`.

    Raises:
        IsganError: with one line that says what to do.
    """
    from PIL import Image

    from isgan import steganographer as pipeline

    if output is not None:
        return Image.fromarray(pipeline.reveal_file(stego, output, model=model, engine=engine, force=force))
    return Image.fromarray(load(model, engine=engine).reveal(pipeline.read_stego(stego)))


def load(
    model: str | os.PathLike = "qim", tile: int = 1024, engine: Literal["torch", "openvino"] = "torch", batch: int = 1
) -> "Steganographer":
    """A model, loaded once for many pictures; `tile` and `batch` bound the memory that large ones take. See `Steganographer`."""
    from isgan import models, steganographer

    return steganographer.Steganographer(models.hider(model), tile, engine, batch)


def names() -> list[str]:
    """All models that `model=` takes: those with shipped weights and those that need none."""
    from isgan import models

    return sorted([*models.names(), *models.weightless()])

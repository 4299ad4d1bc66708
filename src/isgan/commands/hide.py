"""`isgan hide`: cover and secret to a stego image."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from isgan import models


def hide(
    cover: Path,
    secret: Path,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    model: str = models.DEFAULT,
    fit: Literal["stretch", "crop", "pad"] = "stretch",
    strength: Literal["auto"] | int = "auto",
    color: Annotated[bool, Parameter(negative="")] = False,
    polish: int = 0,
    min_secret_psnr: float = 20.0,
    engine: Literal["torch", "openvino"] = "torch",
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Hide a picture, as gray or in colour, in a colour photograph and save it as PNG.

    The saved file is checked: the secret is revealed from it and compared, and you see what the receiver will get. Take an
    own, never published photograph as cover, and use it once: whoever has the original can see the difference.

    Parameters
    ----------
    cover
        Photograph to hide in, at least 32 pixels a side.
    secret
        Picture to hide; it takes the cover's size, and becomes gray but with --color.
    output
        The stego image, a .png file. Send it as a file: apps that shrink pictures destroy what is hidden.
    model
        A name that `isgan models` lists, or a .safetensors file. The receiver needs the same.
    fit
        How the secret takes the cover's size: stretch it, crop its middle, or pad it with black.
    strength
        From 1, faint, up, faithful, for models with such a dial; "auto" makes the worse of both ends best. The receiver is told.
    color
        Keep the secret's colours, at half its resolution; for models that can, as the default one. The receiver is told.
    polish
        Steps in which the secret is made better for this very pair: 20 take seconds for a small picture. Of no use, it ends early.
    min_secret_psnr
        Save nothing if the secret comes back worse than this, in dB. 30 is good, at 20 things are recognised, at 10 little is.
    engine
        What the network runs in. OpenVINO (extra `fast`) takes half a minute to start and is worth it for large pictures.
    force
        Overwrite an existing file.
    """
    from isgan.console import counting
    from isgan.steganographer import hide_file

    with counting("hiding and checking") as progress:
        made = hide_file(cover, secret, output, model=model, how=fit, strength=strength, color=color, polish=polish,
                         min_secret_psnr=min_secret_psnr, engine=engine, force=force, progress=progress)  # fmt: skip
    print(output)
    for name, scores in (("stego vs cover", made.stego_scores), ("revealed vs secret", made.secret_scores)):
        print(f"  {name:<19} PSNR {scores.psnr:5.2f} dB  SSIM {scores.ssim:.4f}")
    if made.strength:
        print(f"  {'strength':<19} {made.strength}")
    print(f"  {'model':<19} {model} {models.fingerprint(model)}")

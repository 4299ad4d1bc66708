"""`isgan hide`: cover and secret to a stego image."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from isgan.options import DEFAULT, Options

Flag = Annotated[bool, Parameter(negative="")]
Source = Annotated[Path, Parameter(allow_leading_hyphen=True)]  # - is standard input


def hide(
    cover: Source,
    secret: Source,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o", allow_leading_hyphen=True)],
    pass_file: Path | None = None,
    no_pass: Flag = False,
    quality: float | None = None,
    exact: Flag = False,
    risk: Literal["low", "medium", "high"] = "medium",
    scale: float = 1.0,
    frame: int | None = None,
    gray: Flag = False,
    model: str = DEFAULT,
    codec: str | None = None,
    jpeg_quality: int | None = None,
    strip_metadata: Flag = False,
    color: Flag = False,
    fit: Literal["stretch", "crop", "pad"] = "stretch",
    strength: Literal["auto"] | int = "auto",
    polish: int = 0,
    min_secret_psnr: float = 20.0,
    engine: Literal["torch", "openvino"] = "torch",
    force: Flag = False,
) -> dict[str, Any] | None:
    """Hide a picture or a file in a photograph; only the pass phrase brings it back.

    The saved file is checked: the secret is revealed from it, and you see what the receiver will get. Take an own, never published
    photograph as cover, and use it once: whoever has the original sees the difference.

    Parameters
    ----------
    cover
        Photograph to hide in, the larger the better; - reads standard input.
    secret
        Picture or any other file to hide; - reads standard input.
    output
        The stego image: .png, or .jpg for a cover that is a JPEG; - writes to standard output. Send it as a file: apps that shrink
        pictures destroy what is hidden.
    pass_file
        File with the pass phrase; otherwise it is the variable ISGAN_PASS, or you are asked.
    no_pass
        No pass phrase: anyone with isgan can read the secret.
    quality
        PSNR in dB that the secret must have; without it, the best up to 40 that --risk allows, and a smaller picture if 30 do not fit.
    exact
        Hide the file itself, byte for byte.
    risk
        How much may be hidden: low, medium, or high, which is all that the cover can carry and easily detected.
    scale
        Reduce the cover by this factor first, such as 0.5: a remedy for PNG covers that once were JPEG.
    frame
        Of an animated cover or secret, or one of several pages, which frame to take: 1 is the first.
    gray
        Hide the secret without its colours.
    model
        A name that `isgan models` lists, or a .safetensors file. The receiver needs the same.
    codec
        How a picture is compressed: avif, webp, jpeg2000 or lossless. The receiver need not know.
    jpeg_quality
        Make a JPEG stego image of a cover that never was one; 93 to 97 is advised.
    strip_metadata
        Leave out the EXIF data and comments of a JPEG cover.
    color
        Neural models: keep the secret's colours, at half its resolution.
    fit
        Neural models: how the secret takes the cover's size: stretch it, crop its middle, or pad it with black.
    strength
        Neural models with a dial: from 1, faint, up, faithful; auto makes the worse of stego image and secret best.
    polish
        Neural models: steps in which the secret is made better for this very pair.
    min_secret_psnr
        Save nothing if the secret comes back worse than this, in dB.
    engine
        Neural models: what the network runs in. OpenVINO (extra `fast`) takes half a minute to start.
    force
        Overwrite an existing file.
    """
    from isgan import pipeline, standard
    from isgan.console import counting
    from isgan.errors import IsganError
    from isgan.passphrase import pass_phrase

    options = Options(model=model, risk=risk, quality=quality, exact=exact, codec=codec, scale=scale, gray=gray, color=color, fit=fit,
                      strength=strength, polish=polish, min_secret_psnr=min_secret_psnr, engine=engine, jpeg_quality=jpeg_quality,
                      strip_metadata=strip_metadata, frame=frame)  # fmt: skip
    if cover == secret == standard.DASH:
        raise IsganError("cover and secret cannot both be standard input: name one of them")
    target = None if output == standard.DASH else output
    pipeline.check(cover, secret, target, options, force)
    phrase = pass_phrase(pass_file, no_pass, twice=True) if pipeline.keyed(model) else None
    with counting("hiding and checking") as progress:
        made = pipeline.hide(standard.source(cover), standard.source(secret), target, phrase, options, force, progress)
    if target is None:
        standard.write(made.data)
        return None
    return {"stego": str(output), **made.facts}

"""`isgan export`: a model as ONNX files."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from isgan import models
from isgan.errors import IsganError


def export(
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    model: str = models.DEFAULT,
    strength: int | None = None,
    color: Annotated[bool, Parameter(negative="")] = False,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write a model as hide.onnx and reveal.onnx, for any runtime of ONNX.

    Images are (1, 3, H, W) RGB or (1, 1, H, W) gray, float32 in [0, 1], H and W multiples of 8. Round the stego image to 8 bits and
    keep it as it is. What the stego image tells `isgan reveal` of the strength is not in it: both sides have to agree.

    Parameters
    ----------
    output
        Folder for the two files; it is made if it does not exist.
    model
        A name that `isgan models` lists, or a .safetensors file.
    strength
        Of models with a dial, the setting that the files are made for; the middle one if not given.
    color
        For secrets in colour.
    force
        Overwrite existing files.
    """
    from isgan.console import counting
    from isgan.engine import HALVES, to_onnx
    from isgan.files import replace_file

    hider = models.hider(model)
    for half in HALVES:
        if (path := output / f"{half}.onnx").exists() and not force:
            raise IsganError(f"{path} exists: choose another folder, or use --force to overwrite it")
    settings = hider.color_strengths if color else hider.strengths
    if strength is None:
        strength = (settings + 1) // 2
    if strength or settings or color:
        hider.set_strength(strength, color)
    if output.exists() and not output.is_dir():
        raise IsganError(f"{output} is a file: give a folder for the two models")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IsganError(f"cannot make the folder {output}: {error.strerror}; choose another one") from error
    with counting("exporting", len(HALVES)) as done:
        for half in HALVES:
            replace_file(output / f"{half}.onnx", to_onnx(hider, half))
            done()
    for half in HALVES:
        print(output / f"{half}.onnx")
    print(f"  model {model} {models.fingerprint(model)}" + (f", strength {strength}" if settings else ""))

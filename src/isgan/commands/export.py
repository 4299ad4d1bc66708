"""`isgan export`: a model as ONNX files."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from isgan import models
from isgan.errors import IsganError, require


def export(
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    model: str = "qim",
    strength: int | None = None,
    color: Annotated[bool, Parameter(negative="")] = False,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> dict[str, Any]:
    """Write a neural model as hide.onnx and reveal.onnx, for any runtime of ONNX.

    Images are (1, 3, H, W) RGB or (1, 1, H, W) gray, float32 in [0, 1], H and W multiples of 8. Round the stego image
    to 8 bits and keep it as it is. It is not sealed with a pass phrase: reveal.onnx alone reads it, of a model with a
    dial not `isgan reveal`.

    Parameters
    ----------
    output
        Folder for the two files; it is made if it does not exist.
    model
        A network that `isgan models` lists, or a .safetensors file.
    strength
        Of models with a dial, the setting that the files are made for; the middle one if not given.
    color
        For secrets in colour.
    force
        Overwrite existing files.
    """
    require("export", "torch", "onnx", "onnxscript")
    from isgan.console import counting
    from isgan.files import write_file
    from isgan.hiders.base import Dialled
    from isgan.schemes.engine import HALVES, to_onnx

    hider = models.hider(model)
    files = {half: output / f"{half}.onnx" for half in HALVES}
    for path in files.values():
        if path.exists() and not force:
            raise IsganError(f"{path} exists: choose another folder, or use --force to overwrite it")
    if isinstance(hider, Dialled):
        if strength is None:
            strength = ((hider.color_strengths if color else hider.strengths) + 1) // 2
        hider = hider.at(strength, color)
    elif color or strength is not None:
        raise IsganError("this model has no dial and hides gray secrets: leave out --strength and --color")
    if output.exists() and not output.is_dir():
        raise IsganError(f"{output} is a file: give a folder for the two models")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IsganError(f"cannot make the folder {output}: {error.strerror}; choose another one") from error
    with counting("exporting", len(HALVES)) as done:
        for half, path in files.items():
            write_file(path, to_onnx(hider, half), force=True)
            done()
    facts = {half: str(path) for half, path in files.items()} | {"model": f"{model} {models.fingerprint(model)}"}
    return facts | ({"strength": strength} if strength is not None else {})

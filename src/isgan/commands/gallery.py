"""`isgan gallery`: a contact sheet."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from isgan.options import DEFAULT

Least = Number(gte=1)


def gallery(
    *,
    data: Path,
    output: Annotated[Path, Parameter(alias="-o")],
    model: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
    risk: Literal["low", "medium", "high"] = "medium",
    quality: float | None = None,
    split: Literal["train", "val", "test"] = "test",
    limit: Annotated[int, Parameter(alias="-n", validator=Least)] = 6,
    side: Annotated[int, Parameter(validator=Number(gte=64, lte=1024))] = 256,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> dict[str, Any]:
    """Draw a contact sheet: covers, stego images, residuals and revealed secrets of any models, on any photographs.

    Each photograph of the split carries the next one, in gray, with a pass phrase of its own, through a PNG file. Residuals are drawn
    around mid-gray, with the same gain for all models. Of a plain folder a tenth are test photographs.

    Parameters
    ----------
    data
        Folder of photographs.
    output
        The sheet: .png, or .jpg, which is smaller.
    model
        Shipped models or weights files; the default one if not given.
    risk
        Embedding models: how much may be hidden.
    quality
        Embedding models: PSNR in dB that secrets must have.
    split
        Which photographs.
    limit
        Pairs, a row each.
    side
        Side that photographs are brought to.
    force
        Overwrite an existing file.
    """
    from isgan import models
    from isgan.console import counting
    from isgan.datasets.base import open_source
    from isgan.datasets.photographs import pairs_of
    from isgan.evaluation.gallery import samples
    from isgan.figures import small_jpeg, small_png, stego_and_secret
    from isgan.files import check_output, write_file
    from isgan.options import Options

    check_output(output, force, suffixes=(".png", ".jpg", ".jpeg"))
    names = list(dict.fromkeys(model or [DEFAULT]))
    schemes = {name: models.load(name) for name in names}
    options = {name: Options(model=name, risk=risk, gray=True, quality=None if scheme.resizes else quality)
               for name, scheme in schemes.items()}  # fmt: skip
    source = open_source(data)
    pairs = pairs_of(source, source, split, side, limit)
    with counting("hiding and revealing", len(pairs) * len(names)) as done:
        sheet = stego_and_secret(samples(schemes, options, pairs, done))
    write_file(output, small_png(sheet) if output.suffix.lower() == ".png" else small_jpeg(sheet), force)
    return {"sheet": str(output), "pairs": len(pairs), "models": ", ".join(names)}

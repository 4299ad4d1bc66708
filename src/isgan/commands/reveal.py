"""`isgan reveal`: stego image to secret."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from isgan import models


def reveal(
    stego: Path,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    model: str = models.DEFAULT,
    engine: Literal["torch", "openvino"] = "torch",
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Reveal the picture hidden in a stego image and save it as PNG.

    A picture that hides nothing is refused, or gives noise or the edges of what it shows.

    Parameters
    ----------
    stego
        The stego image, as the sender saved it.
    output
        The secret, a .png file.
    model
        The model the sender used; compare the eight characters that both commands print.
    engine
        What the network runs in. OpenVINO (extra `fast`) takes half a minute to start and is worth it for large pictures.
    force
        Overwrite an existing file.
    """
    from isgan.console import counting
    from isgan.steganographer import reveal_file

    with counting("revealing") as progress:
        reveal_file(stego, output, model=model, engine=engine, force=force, progress=progress)
    print(output)
    print(f"  model {model} {models.fingerprint(model)}")

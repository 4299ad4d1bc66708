"""`isgan reveal`: stego image to secret."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from isgan.options import DEFAULT, Options

Flag = Annotated[bool, Parameter(negative="")]


def reveal(
    stego: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    # Not a Path, which would lose the / of a folder.
    output: Annotated[str, Parameter(alias="-o", allow_leading_hyphen=True)],
    pass_file: Path | None = None,
    no_pass: Flag = False,
    model: str = DEFAULT,
    engine: Literal["torch", "openvino"] = "torch",
    force: Flag = False,
) -> dict[str, Any] | None:
    """Reveal what is hidden in a stego image.

    A wrong pass phrase, a picture without a secret and a changed file give one and the same answer.

    Parameters
    ----------
    stego
        The stego image, as the sender saved it; - reads standard input.
    output
        The secret: a .png file, or a folder (ending in /), made if there is none, in which it gets its own name; - writes to
        standard output.
    pass_file
        File with the pass phrase; otherwise it is the variable ISGAN_PASS, or you are asked.
    no_pass
        It was hidden with --no-pass.
    model
        The model that the sender used.
    engine
        Neural models: what the network runs in. OpenVINO (extra `fast`) takes half a minute to start.
    force
        Overwrite an existing file.
    """
    from isgan import pipeline, standard
    from isgan.console import counting
    from isgan.passphrase import pass_phrase

    options = Options(model=model, engine=engine)
    target = None if output == str(standard.DASH) else output
    pipeline.check_reveal(stego, target, options, force)
    phrase = pass_phrase(pass_file, no_pass, twice=False) if pipeline.keyed(model) else None
    with counting("revealing") as progress:
        found = pipeline.reveal(standard.source(stego), target, phrase, options, force, progress)
    if target is None:
        standard.write(pipeline.file_of(found.secret))
        return None
    return {"secret": str(found.path), **found.facts}

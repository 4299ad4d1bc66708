"""`isgan capacity`: how much a cover takes."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from isgan.options import DEFAULT, Options


def capacity(
    cover: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    model: str = DEFAULT,
    scale: float = 1.0,
    frame: int | None = None,
) -> dict[str, Any]:
    """How much a cover takes at each risk: in bytes, and as how large a photograph in colour at 30, 33.5 and 40 dB.

    The rate, here and of `isgan hide`, is in bits for each sample of the cover, or each non-zero AC coefficient of a JPEG's brightness.

    Parameters
    ----------
    cover
        Photograph to hide in; - reads standard input.
    model
        An embedding model that `isgan models` lists.
    scale
        Reduce the cover by this factor first.
    frame
        Of an animated cover, or one of several pages, which frame to take: 1 is the first.
    """
    from isgan import pipeline, standard

    # What to do about a JPEG's EXIF data and content credentials is for `hide` to say: they make no difference here.
    return pipeline.capacity(standard.source(cover), Options(model=model, scale=scale, frame=frame, strip_metadata=True))

"""`isgan check`: whether a file was changed on the way."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter


def check(file: Annotated[Path, Parameter(allow_leading_hyphen=True)], /) -> dict[str, Any]:
    """Tell whether a picture is as it was saved, or was compressed again, resized, or stripped of metadata on the way.

    Such changes destroy what is hidden. Whether something is hidden it never says: nobody can without the pass phrase.
    No sign of a change is no proof that there was none.

    Parameters
    ----------
    file
        A picture that you received; - reads standard input.
    """
    import isgan
    from isgan import standard

    return isgan.check(standard.source(file))

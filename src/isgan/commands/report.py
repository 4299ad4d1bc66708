"""`isgan report`: one page of all results."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from isgan.errors import require


def report(
    results: Path,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    force: Annotated[bool, Parameter(negative="")] = False,
) -> dict[str, str]:
    """Make one HTML page of the tables and figures in a folder of results, with the paper's numbers beside ours.

    The page is a single file that needs no other, on a screen or a phone. What has not been measured yet it says, with the
    command that does it. Its sentences are made from the numbers: which of the paper's claims hold here, and which do not.

    Parameters
    ----------
    results
        Folder that `isgan table` and `isgan figures` wrote.
    output
        The page, an .html file.
    force
        Overwrite an existing file.
    """
    require("train", "jinja2")
    from isgan.evaluation.paper.report.page import write

    return {"page": str(write(results, output, force))}

"""One HTML page of all results: tables with the paper's numbers beside ours, and what the numbers say about the paper's
claims.

The sentences are made from the CSV files; nothing here is measured, and torch is not needed.
"""

import tomllib
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from isgan import __version__
from isgan.errors import IsganError
from isgan.evaluation.paper.report import pictures, table4, table5, table6
from isgan.evaluation.paper.report.values import ENDS, ratio
from isgan.evaluation.results import MARK, Results, decibels
from isgan.files import check_output, write_file

HERE = Path(__file__).parent


def write(folder: Path, output: Path, force: bool = False) -> Path:
    """Writes the page of a folder of results, whole or not at all.

    Raises:
        IsganError: a folder without results, or with those of another version; tables or pictures that cannot be read;
            an existing output without `force`, or one that cannot be written.
    """
    check_output(output, force, suffixes=None)
    write_file(output, page(folder).encode(), force=True)
    return output


def page(folder: Path) -> str:
    """The page as HTML."""
    if not (folder / MARK).is_file():
        raise IsganError(f"{folder} is not a folder of results: give one that `isgan table` or `isgan figures` wrote")
    results = Results(folder)
    paper = tomllib.loads((HERE / "paper.toml").read_text(encoding="utf-8"))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals |= {"db": decibels, "ratio": ratio}
    template = environment.from_string((HERE / "report.html").read_text(encoding="utf-8"))
    return template.render(
        version=__version__,
        folder=folder.resolve().name,
        ends=ENDS,
        controls=table6.CONTROLS,
        table4=table4.section(results, paper["table4"]),
        table5=table5.section(results, paper["table5"]),
        table6=table6.section(results, paper["table6"]),
        figures=pictures.figures(results),
        curves=pictures.curves(results),
    )

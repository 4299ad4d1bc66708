"""`isgan evaluate`: quality of stego image and secret, on photographs, through 8-bit PNG files."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from isgan.errors import IsganError
from isgan.options import DEFAULT

Flag = Annotated[bool, Parameter(negative="")]
Several = Parameter(consume_multiple=True, negative="")


def evaluate(
    *,
    data: Annotated[list[Path], Several],
    model: Annotated[list[str] | None, Several] = None,
    quality: Annotated[list[float] | None, Several] = None,
    risk: Literal["low", "medium", "high"] = "medium",
    strength: Annotated[list[Literal["auto"] | int] | None, Several] = None,
    secrets: Path | None = None,
    color: Flag = False,
    polish: Annotated[int, Parameter(validator=Number(gte=0, lte=1000))] = 0,
    split: Literal["train", "val", "test"] = "test",
    limit: Annotated[int | None, Parameter(alias="-n", validator=Number(gte=1))] = None,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    threads: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    card: Flag = False,
    force: Flag = False,
) -> list[dict[str, Any]]:
    """Measure hiding and revealing on photographs, at their own size, through 8-bit PNG files.

    Each photograph of the split is a cover and carries the next one, with a pass phrase of its own. PSNR in dB and SSIM, per image,
    then averaged. Of a plain folder a tenth are test photographs.

    Parameters
    ----------
    data
        Folders of photographs; each is a set of its own.
    model
        Names of shipped models or weights files; the default one if not given.
    quality
        Embedding models: PSNR in dB that secrets must have, each on its own.
    risk
        Embedding models: how much may be hidden.
    strength
        Models with a dial: settings to measure, numbers or auto, each on its own.
    secrets
        Folder of pictures to hide, in turn, instead of the next photograph of the same set. Rows are then of "SET/FOLDER".
    color
        Hide the secrets in colour, with the models that can.
    polish
        Neural models: steps of polishing each pair.
    split
        Which photographs.
    limit
        At most so many pairs of each set.
    output
        CSV file with a row per image.
    threads
        CPU threads of neural models.
    card
        Write the means into the model's card, as its scores.
    force
        Overwrite the CSV file.
    """
    from isgan import models
    from isgan.commands.table import threads_of
    from isgan.console import counting
    from isgan.datasets.base import open_sets
    from isgan.evaluation.quality import measure, pair_up, summary
    from isgan.files import check_output
    from isgan.options import Options

    if output:
        check_output(output, force, suffixes=None)
    names = list(dict.fromkeys(model or [DEFAULT]))
    schemes = {name: models.load(name) for name in names}
    if any(scheme.resizes for scheme in schemes.values()):
        threads_of(threads)
    runs: list[tuple[str, str, Options]] = []
    for name, scheme in schemes.items():
        plain = Options(model=name, risk=risk, color=color, gray=not color, polish=polish if scheme.resizes else 0)
        runs += [(name, *setting) for setting in _settings(plain, scheme, quality or [], strength or [])]
    if card and (color or polish or secrets or len(runs) > len(names)):
        raise IsganError(
            "a card has the scores of photographs as `isgan hide` hides them: leave out --card, or give one setting"
        )
    others = open_sets([secrets]) if secrets else {"": None}
    sets = {
        f"{name}/{other}".rstrip("/"): (
            pair_up(source.images(split), limit, hidden.images(split) if hidden else ()),
            (source.home, (hidden or source).home),
        )
        for name, source in open_sets(data).items()
        for other, hidden in others.items()
    }
    groups: list[dict[str, Any]] = []
    total = len(runs) * sum(len(pairs) for pairs, _ in sets.values())
    with rows_to(output) as write, counting("hiding and revealing", total) as done:
        for set_name, (pairs, homes) in sets.items():
            for name, setting, options in runs:
                group = []
                for measured in measure(schemes[name], options, setting, set_name, pairs, homes, done):
                    group.append(measured)
                    write(asdict(measured))
                groups.append(summary(group))
                if card:
                    models.add_scores(name, {f"{set_name} {split}": groups[-1]})
    return groups


def _settings(plain: Any, scheme: Any, qualities: list[float], strengths: list[Any]) -> Iterator[tuple[str, Any]]:
    """Names and options of what is measured of a model."""
    from dataclasses import replace

    label = ", ".join(["color"] * plain.color + [f"polish {plain.polish}"] * bool(plain.polish))
    if not scheme.resizes and qualities:
        yield from (
            (", ".join(filter(None, (f"{psnr:g} dB", label))), replace(plain, quality=psnr)) for psnr in qualities
        )
    elif scheme.strengths and strengths:
        yield from (
            (", ".join(filter(None, (str(value), label))), replace(plain, strength=value))
            for value in dict.fromkeys(strengths)
        )
    else:
        yield ", ".join(filter(None, ("auto" if scheme.resizes else plain.risk, label))), plain


@contextmanager
def rows_to(path: Path | None) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yields what writes a row to a CSV file at once, so that an interrupted run leaves what it measured; None writes nothing."""
    if path is None:
        yield lambda _: None
        return
    from isgan.evaluation.results import plain

    with _writing(path):
        file = path.open("w", newline="", encoding="utf-8")

    def write(row: dict[str, Any]) -> None:
        with _writing(path):
            writer = csv.DictWriter(file, list(row))
            if not file.tell():
                writer.writeheader()
            writer.writerow({column: plain(value) for column, value in row.items()})
            file.flush()

    try:
        yield write
    finally:
        with _writing(path):
            file.close()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise IsganError(f"cannot write {path}: {error.strerror or error}; make room or choose another name") from error

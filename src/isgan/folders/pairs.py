"""Which secret goes into which cover: by order, by name, or as a table says."""

import csv
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from isgan.covers import covers as kinds
from isgan.decoders import is_picture
from isgan.errors import IsganError, IsganWarning
from isgan.files import name_of, quoted, read_file, system_errors
from isgan.folders.record import digest
from isgan.options import Options

LITTER = ("thumbs.db", "desktop.ini")
HEADER = 1 << 16  # bytes by which a picture is known
JPEG = b"\xff\xd8\xff"


class Pair(NamedTuple):
    """A cover, what is hidden in it, and the stego image to be."""

    cover: Path
    secret: Path
    stego: Path


def pairs(covers: Path, secrets: Path, output: Path, how: str, options: Options) -> list[Pair]:
    """The pairs of two folders.

    Args:
        covers, secrets: folders.
        output: the folder of stego images, which are called as their covers.
        how: "order": the first cover by name takes the first secret by name, and so on; "name": files of equal names but for what
            follows the last dot; else the path of a CSV file of covers, secrets and, in a third column if at all, stego images.
        options: `jpeg_quality` decides on the kind of stego image.

    Raises:
        IsganError: fewer covers than secrets, a cover for two secrets, two stego images of one name, a file that is not there.
    """
    if not secrets.is_dir() and secrets.exists():
        raise IsganError(f"{quoted(covers)} is a folder and {quoted(secrets)} a file: name a folder of secrets; to share one secret "
                         "among all covers say --split, to hide it in the best of them --best-of")  # fmt: skip
    if output.resolve() in (covers.resolve(), secrets.resolve()):
        raise IsganError(f"{quoted(output)} has covers or secrets in it: choose another folder for the stego images")
    if how in ("order", "name"):
        found, hidden = pictures(covers), files(secrets)
        chosen = _by_order(found, hidden) if how == "order" else _by_name(found, hidden)
        made = [Pair(cover, secret, output / stego_name(cover, options)) for cover, secret in chosen]
    else:
        made = _listed(Path(how), covers, secrets, output, options)
    _check(made)
    return made


def files(folder: Path) -> list[Path]:
    """All files of a folder, by name, but for hidden ones and what systems leave there; `IsganError` if there are none."""
    with system_errors(f"read the folder {quoted(folder)}", "check the path and its permissions"):
        if not folder.is_dir():
            raise IsganError(f"{quoted(folder)} is no folder: name one, or two files")
        found = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    found = [path for path in found if path.name.lower() not in LITTER]
    if not found:
        raise IsganError(f"there are no files in {quoted(folder)}: put some there, or name another folder")
    return found


def pictures(folder: Path) -> list[Path]:
    """Those of the files that are pictures; an `IsganWarning` names the others."""
    found = files(folder)
    kinds = [is_picture(_header(path)) for path in found]
    chosen = [path for path, picture in zip(found, kinds, strict=True) if picture]
    others = [quoted(path.name) for path, picture in zip(found, kinds, strict=True) if not picture]
    if not chosen:
        raise IsganError(f"there are no pictures in {quoted(folder)}: put some there, or name another folder")
    if others:
        warnings.warn(f"no pictures, and left out: {_named(others)}", IsganWarning, stacklevel=3)
    return chosen


def stego_name(cover: Path, options: Options) -> str:
    """What the stego image of a cover is called: as the cover, a camera's .JPG too, but for the suffix of another kind of file."""
    suffixes = kinds["jpeg" if options.jpeg_quality or _header(cover).startswith(JPEG) else "png"].suffixes
    return cover.name if cover.suffix.lower() in suffixes else cover.stem + suffixes[0]


def _header(path: Path) -> bytes:
    with system_errors(f"read {name_of(path)}", "check the path and its permissions"), path.open("rb") as file:
        return file.read(HEADER)


def _by_order(covers: list[Path], secrets: list[Path]) -> list[tuple[Path, Path]]:
    if len(covers) < len(secrets):
        raise IsganError(f"{len(secrets)} secrets, and only {len(covers)} covers: add covers, or take secrets out")
    if len(covers) > len(secrets):
        warnings.warn(f"of {len(covers)} covers the first {len(secrets)} are used: there are no more secrets", IsganWarning, stacklevel=3)
    return list(zip(covers, secrets, strict=False))


def _by_name(covers: list[Path], secrets: list[Path]) -> list[tuple[Path, Path]]:
    for kind, given in (("covers", covers), ("secrets", secrets)):
        twice = _twice(path.stem for path in given)
        if twice:
            raise IsganError(f"two {kind} are called {quoted(twice[0])} but for their suffix: rename one")
    known = {path.stem: path for path in covers}
    alone = [quoted(path.name) for path in secrets if path.stem not in known]
    if alone:
        raise IsganError(f"no cover is called like {_named(alone)}: rename one, or pair by order")
    if len(covers) > len(secrets):
        warnings.warn(f"{len(covers) - len(secrets)} covers have no secret of their name and are left out", IsganWarning, stacklevel=3)
    return [(known[path.stem], path) for path in secrets]


def _listed(table: Path, covers: Path, secrets: Path, output: Path, options: Options) -> list[Pair]:
    if table.suffix.lower() != ".csv":
        raise IsganError(f"--pairs is order, name, or a CSV file, not {quoted(table)}")
    text = read_file(table)
    try:
        lines = list(csv.reader(text.decode("utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise IsganError(f"{quoted(table)} is no CSV file in UTF-8: save it as one") from error
    made = []
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line]
        if not any(cells) or (number == 1 and [cell.lower() for cell in cells[:2]] == ["cover", "secret"]):
            continue
        where = f"{quoted(table)}, row {number}"
        if len(cells) not in (2, 3) or not all(cells[:2]):
            raise IsganError(f"{where}: a cover, a secret and, if wanted, a stego image's name belong there, not {len(cells)} cells")
        cover, secret = covers / cells[0], secrets / cells[1]
        for path in (cover, secret):
            if not path.is_file():
                raise IsganError(f"{where}: {quoted(path)} is not there: correct the row")
        name = cells[2] if len(cells) == 3 and cells[2] else stego_name(cover, options)
        if Path(name).name != name:
            raise IsganError(f"{where}: {quoted(name)} is not the name of a file in one folder: leave out folders")
        made.append(Pair(cover, secret, output / name))
    if not made:
        raise IsganError(f"{quoted(table)} has no pairs: write a cover and a secret into each row")
    return made


def _check(made: list[Pair]) -> None:
    twice = _twice(str(pair.cover.resolve()) for pair in made)
    if twice:
        raise IsganError(f"the cover {quoted(Path(twice[0]).name)} is for two secrets: whoever has both stego images compares them; "
                         "take another cover for one")  # fmt: skip
    check_alike(pair.cover for pair in made)
    twice = _twice(pair.stego.name.casefold() for pair in made)
    if twice:
        raise IsganError(f"two stego images would be called {quoted(twice[0])}: rename a cover, or name them in a CSV file, --pairs FILE")


def check_alike(covers: Iterable[Path]) -> None:
    """`IsganError` if two covers are one and the same file under two names: their stego images would differ in what is hidden alone."""
    sizes = defaultdict(list)
    with system_errors("look at the covers", "check that they are still there"):
        for path in covers:
            sizes[path.stat().st_size].append(path)
        for alike in sizes.values():
            seen: dict[str | None, Path] = {}
            for path in alike if len(alike) > 1 else ():
                other = seen.setdefault(digest(path), path)
                if other != path:
                    raise IsganError(f"the covers {quoted(other.name)} and {quoted(path.name)} are the same file: whoever has both stego "
                                     "images compares them; take one of them out")  # fmt: skip


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]


def _named(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

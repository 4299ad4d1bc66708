"""Pictures named in text files, one path to a line, relative to the folder of the list; "#" begins a comment line."""

from collections.abc import Iterator
from pathlib import Path

from isgan.datasets import datasets
from isgan.datasets.base import SPLITS, Source, split_of_file
from isgan.errors import IsganError


@datasets.register("lists")
class Lists(Source):
    """One .txt list is divided 80 / 10 / 10 by content; train.txt, val.txt, test.txt in a folder are the splits."""

    layout = "a .txt list of pictures, or a folder with the lists train.txt, val.txt and test.txt"
    priority = -1  # a folder train/ beside a train.txt goes first: its list may hold anything

    @classmethod
    def locate(cls, root: Path) -> Path | None:
        is_list = root.is_file() and root.suffix.lower() == ".txt"
        return root if is_list or any((root / f"{split}.txt").is_file() for split in ("train", "test")) else None

    def assign(self) -> Iterator[tuple[Path, str]]:
        if self.home.is_file():
            return ((path, split_of_file(path)) for path in read_list(self.home))
        return self._published()

    def _published(self) -> Iterator[tuple[Path, str]]:
        taken: dict[Path, str] = {}
        for split in SPLITS:
            file = self.home / f"{split}.txt"
            for path in read_list(file) if file.is_file() else []:
                other = taken.setdefault(path.resolve(), split)
                if other != split:
                    raise IsganError(f"'{path}' is in {other}.txt and in {split}.txt: remove it from one of them")
                yield path, split


def read_list(file: Path) -> list[Path]:
    """The files a list names, each once; `IsganError` if one does not exist."""
    paths: dict[Path, Path] = {}
    try:
        for number, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), 1):
            path = file.parent / line.strip()
            if line.strip() and not line.strip().startswith("#"):
                if not path.is_file():
                    raise IsganError(f"'{file}', line {number}: no file '{path}'; paths start at the list's folder")
                paths.setdefault(path.resolve(), path)
    except (OSError, ValueError) as error:
        raise IsganError(f"'{file}' is not a list of pictures, one to a line, in UTF-8: {error}") from error
    return list(paths.values())

"""Any tree of pictures, divided by content."""

from collections.abc import Iterator
from pathlib import Path

from isgan.datasets import datasets
from isgan.datasets.base import Source, pictures, split_of_file


@datasets.register("folder")
class Folder(Source):
    """80 / 10 / 10 by the SHA-256 of each file's bytes: copies share a split, renaming and adding files moves none."""

    layout = "a tree of pictures, enough of them to be divided 80/10/10, or folders train/ val/ test/"
    priority = -2  # takes what no other source knows

    @classmethod
    def locate(cls, root: Path) -> Path | None:
        return root if root.is_dir() and any(pictures(root)) else None

    def assign(self) -> Iterator[tuple[Path, str]]:
        return ((path, split_of_file(path)) for path in pictures(self.home))

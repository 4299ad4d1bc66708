"""A folder whose splits are folders: train/, val/, test/."""

from collections.abc import Iterator
from pathlib import Path

from isgan.datasets import datasets
from isgan.datasets.base import SPLITS, Source, pictures


@datasets.register("splits")
class Splits(Source):
    """Each split is what lies below the folder of its name; the division is the owner's and is taken as it is."""

    layout = "pictures in folders train/ val/ test/"

    @classmethod
    def locate(cls, root: Path) -> Path | None:
        return root if (root / "train").is_dir() or (root / "test").is_dir() else None

    def assign(self) -> Iterator[tuple[Path, str]]:
        there = (split for split in SPLITS if (self.home / split).is_dir())
        return ((path, split) for split in there for path in pictures(self.home / split))

"""PASCAL VOC: M. Everingham, L. Van Gool, C. K. I. Williams, J. Winn, A. Zisserman, "The PASCAL Visual Object Classes
(VOC) Challenge", International Journal of Computer Vision 88(2), 2010.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from isgan.datasets import datasets
from isgan.datasets.base import Source, split_of
from isgan.errors import IsganError


@datasets.register("voc")
class VOC(Source):
    """train is the published train.txt; the published val.txt is halved into val and test by the hash of the file name.

    `root` is VOC2012 (or another year), VOCdevkit, or the folder above; of several years the latest is read.
    """

    layout = "VOCdevkit/VOC2012 with JPEGImages/ and ImageSets/Main/train.txt, val.txt"

    @classmethod
    def locate(cls, root: Path) -> Path | None:
        years = [*root.glob("VOC20[0-9][0-9]"), *root.glob("VOCdevkit/VOC20[0-9][0-9]")]
        latest_first = sorted(years, key=lambda year: year.name, reverse=True)
        return next((folder for folder in (root, *latest_first) if _is_year(folder)), None)

    def assign(self) -> Iterator[tuple[Path, str]]:
        yield from ((path, "train") for path in self._listed("train"))
        for path in self._listed("val"):
            yield path, split_of(os.fsencode(path.name), {"val": 0.5, "test": 0.5})

    def _listed(self, published: str) -> list[Path]:
        file = self.home / "ImageSets" / "Main" / f"{published}.txt"
        names = [line.split()[0] for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        paths = [self.home / "JPEGImages" / f"{name}.jpg" for name in names]
        missing = [path for path in paths if not path.is_file()]
        if missing:
            raise IsganError(
                f"'{file}' lists {len(missing)} missing files, first '{missing[0]}': unpack the archive again"
            )
        return paths


def _is_year(folder: Path) -> bool:
    lists = (folder / "ImageSets" / "Main" / f"{name}.txt" for name in ("train", "val"))
    return (folder / "JPEGImages").is_dir() and all(file.is_file() for file in lists)

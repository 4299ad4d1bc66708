"""Labeled Faces in the Wild: G. B. Huang, M. Ramesh, T. Berg, E. Learned-Miller, "Labeled Faces in the Wild: A Database
for Studying Face Recognition in Unconstrained Environments", UMass Amherst, Technical Report 07-49, 2007.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from isgan.datasets import datasets
from isgan.datasets.base import Source, pictures, split_of


@datasets.register("lfw")
class LFW(Source):
    """80 / 10 / 10 by the person's name, so that no face is in two splits.

    One published version is read: `root` itself or the first `lfw*` folder in it (lfw, lfw-deepfunneled, lfw_funneled).
    """

    layout = "lfw/Person_Name/Person_Name_0001.jpg, with enough people to be divided 80/10/10"

    @classmethod
    def locate(cls, root: Path) -> Path | None:
        folders = (root, *sorted(root.glob("lfw*")), *sorted(root.glob("lfw*/lfw*")))
        return next((folder for folder in folders if _holds_people(folder)), None)

    def assign(self) -> Iterator[tuple[Path, str]]:
        for path in pictures(self.home):
            person, *file = path.relative_to(self.home).parts
            if file:
                yield path, split_of(os.fsencode(person))


def _holds_people(folder: Path) -> bool:
    photographs = folder.glob("[A-Z]*_*/*_[0-9][0-9][0-9][0-9].jpg")
    return any(path.stem[:-5] == path.parent.name for path in photographs)

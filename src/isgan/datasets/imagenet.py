"""ImageNet: J. Deng, W. Dong, R. Socher, L.-J. Li, K. Li, L. Fei-Fei, "ImageNet: A Large-Scale Hierarchical Image
Database", CVPR 2009; O. Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", IJCV 115(3), 2015.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from isgan.datasets import datasets
from isgan.datasets.base import Source, pictures, split_of

SYNSET = "n" + "[0-9]" * 8


@datasets.register("imagenet")
class ImageNet(Source):
    """test is the published val; of the published train 2 %, by the hash of the file name, are val.

    `root` holds train/ and val/ (flat or in class folders), or ILSVRC/Data/CLS-LOC with them, as the archive does.
    """

    layout = "train/n01440764/*.JPEG and val/ILSVRC2012_val_*.JPEG, or ILSVRC/Data/CLS-LOC with these"
    priority = 1  # its folders train/ and val/ look like `splits`, its class folders do not

    @classmethod
    def locate(cls, root: Path) -> Path | None:
        folders = (root / below for below in (".", "CLS-LOC", "Data/CLS-LOC", "ILSVRC/Data/CLS-LOC"))
        return next((folder for folder in folders if any((folder / "train").glob(f"{SYNSET}/"))), None)

    def assign(self) -> Iterator[tuple[Path, str]]:
        for path in pictures(self.home / "train"):
            yield path, split_of(os.fsencode(path.name), {"train": 0.98, "val": 0.02})
        if (self.home / "val").is_dir():
            yield from ((path, "test") for path in pictures(self.home / "val"))

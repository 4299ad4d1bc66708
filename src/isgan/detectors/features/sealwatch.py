"""What several files share: sealwatch, imported in this one place, without the networks in it, and counting fast."""

import importlib
import sys
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from isgan.detectors.features.quick import replace_slow_parts
from isgan.errors import require

SLICES = {
    "hor": lambda d: (d[:, :-3], d[:, 1:-2], d[:, 2:-1], d[:, 3:]),
    "ver": lambda d: (d[:-3], d[1:-2], d[2:-1], d[3:]),
}
"""Four neighbours whose residuals are counted together, by sealwatch's names of the two directions that its features use."""
NETWORKS = {"sealwatch.xunet": (), "sealwatch.ws._unet": ("unet_estimator",), "sealwatch.tools.networks": ()}
"""Modules of sealwatch, and names in them, that need torch and torchvision and serve nothing here."""


def check() -> None:
    """`IsganError` with what to install, if sealwatch or anything it needs is missing."""
    require("audit", "scipy", "h5py", "pandas", "tqdm", "jpeglib", "sealwatch")


@cache
def sealwatch() -> Any:
    """The module, imported when it is first needed."""
    check()
    for name, parts in NETWORKS.items():
        empty = ModuleType(name)
        for part in parts:
            setattr(empty, part, None)
        sys.modules.setdefault(name, empty)
    module = importlib.import_module("sealwatch")
    counting = importlib.import_module("sealwatch.srm.cooccurrence")

    def faster(default: Any) -> Any:
        return count_neighbours if default is counting.cooccurrence4 else default

    vars(importlib.import_module("sealwatch.srm.crm"))["Cooc3"] = count_colors
    for name in ("all1st", "all2nd", "all3rd", "all3x3", "all5x5"):
        function = getattr(counting, name)
        function.__defaults__ = tuple(map(faster, function.__defaults__ or ()))
        function.__kwdefaults__ = {key: faster(value) for key, value in (function.__kwdefaults__ or {}).items()}
    replace_slow_parts(module)
    return module


def count_neighbours(residual: np.ndarray, kind: str, limit: int) -> np.ndarray:
    """How often four neighbours (h, w) have which whole numbers from -limit to limit, as shares, (2 limit + 1,) * 4.

    In place of sealwatch's `cooccurrence4`: the very same numbers without its loops over all combinations.
    """
    return _count(SLICES[kind](residual), limit)


def count_colors(residual: np.ndarray, _kind: str, limit: int) -> np.ndarray:
    """As `count_neighbours`, of the three colours of a pixel, (h, w, 3); in place of `cooccurrence3_col`."""
    return _count((residual[:, :, 0], residual[:, :, 1], residual[:, :, 2]), limit)


def _count(parts: tuple[np.ndarray, ...], limit: int) -> np.ndarray:
    base, index, counted = 2 * limit + 1, np.zeros(parts[0].shape, np.int32), np.ones(parts[0].shape, bool)
    for part in parts:
        # Out of the range, or between whole numbers: not counted.
        whole = np.clip(part, -limit - 1, limit + 1).astype(np.int8)
        counted &= (whole == part) & (np.abs(whole) <= limit)
        index *= base
        index += whole
    index += sum(limit * base**place for place in range(len(parts)))
    cells = np.bincount(index[counted], minlength=base ** len(parts)).reshape((base,) * len(parts))
    return cells / cells.sum()


def flat(features: dict[str, np.ndarray]) -> np.ndarray:
    """Submodels one after the other, (D,) float32, by name: in sealwatch's own order some change from run to run."""
    return np.concatenate([np.ravel(features[name]) for name in sorted(features)]).astype(np.float32)

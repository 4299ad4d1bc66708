"""numba's compiler as isgan uses it: machine code is kept between runs where that is possible, and nothing breaks where it is not."""

import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numba
from numba.core.errors import NumbaWarning
from PIL import AvifImagePlugin

from isgan.jobs import cores_allowed

Item = TypeVar("Item")
Result = TypeVar("Result")

warnings.filterwarnings("ignore", category=NumbaWarning)

_most: int | None = None


def limit(cores: int) -> None:
    """From now on this process works on so many cores at most, where it is one of several: `side_by_side`, and Pillow's AVIF."""
    global _most
    _most = AvifImagePlugin.DEFAULT_MAX_THREADS = cores


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function at its first call, free of Python's lock, so that threads run it side by side."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder for the machine code can be written: it is compiled anew in each run
        return numba.njit(nogil=True)(function)


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`work` of each item, on all cores that this process may use; `work` spends its time in compiled code."""
    items = list(items)
    cores = min(len(items), _most or cores_allowed())
    if cores < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(cores) as pool:
        return list(pool.map(work, items))

"""numba's compiler as isgan uses it: machine code is kept between runs where that is possible, and nothing breaks where it is not."""

import os
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numba
from numba.core.errors import NumbaWarning

Item = TypeVar("Item")
Result = TypeVar("Result")

warnings.filterwarnings("ignore", category=NumbaWarning)


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function at its first call, free of Python's lock, so that threads run it side by side."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder for the machine code can be written: it is compiled anew in each run
        return numba.njit(nogil=True)(function)


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`work` of each item, on all cores that this process may use; `work` spends its time in compiled code."""
    items = list(items)
    cores = min(len(items), len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    if cores < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(cores) as pool:
        return list(pool.map(work, items))

"""numba's compiler as isgan uses it: machine code is kept between runs where that is possible, and nothing breaks where it is not."""

import functools
import hashlib
import threading
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import FunctionType
from typing import Any, TypeVar, cast

from PIL import AvifImagePlugin

from isgan.jobs import cores_allowed

Item = TypeVar("Item")
Result = TypeVar("Result")

_COMPILING = threading.RLock()

_most: int | None = None


def limit(cores: int) -> None:
    """From now on this process works on so many cores at most, where it is one of several: `side_by_side`, and Pillow's AVIF."""
    global _most
    _most = AvifImagePlugin.DEFAULT_MAX_THREADS = cores


def cores() -> int:
    """How many it works on."""
    return _most or cores_allowed()


class Compiled:
    """A function that is compiled, or its machine code loaded, when it is called first; numba itself is not imported before that."""

    def __init__(self, function: Callable[..., Any]):
        functools.update_wrapper(self, function)
        self._function = cast(FunctionType, function)
        self._ready: Callable[..., Any] | None = None
        self._loaded = False

    def __call__(self, *args: Any) -> Any:
        if self._loaded or threading.current_thread() is not threading.main_thread():
            return (self._ready or self.ready())(*args)
        # Ctrl-C and SIGTERM break into the main thread alone. Inside numba they would leave a half-made import, or a lock for which other
        # threads wait without end.
        with ThreadPoolExecutor(1) as beside:
            result = beside.submit(lambda: self.ready()(*args)).result()
        self._loaded = True
        return result

    def ready(self) -> Callable[..., Any]:
        """numba's function, once for all threads."""
        with _COMPILING:
            if self._ready is None:
                self._ready = _njit(self._function, self.digest)
            return self._ready

    @functools.cached_property
    def digest(self) -> str:
        """Of what it does: its code, numbers of its module, and the functions that it calls, which may be in other files."""
        code = self._function.__code__
        told = hashlib.sha256(code.co_code + repr(code.co_consts).encode())
        for value in map(self._function.__globals__.get, code.co_names):
            if isinstance(value, Compiled | int | float):
                told.update(value.digest.encode() if isinstance(value, Compiled) else repr(value).encode())
        return told.hexdigest()[:8]


def jit(function: Callable[..., Any]) -> Compiled:
    """Compiles a function at its first call, free of Python's lock, so that threads run it side by side. It may call others of the kind."""
    return Compiled(function)


def _njit(function: FunctionType, digest: str) -> Callable[..., Any]:
    import numba
    from numba.core.errors import NumbaWarning

    warnings.filterwarnings("ignore", category=NumbaWarning)
    others = {name: function.__globals__.get(name) for name in function.__code__.co_names}
    known = function.__globals__ | {name: other.ready() for name, other in others.items() if isinstance(other, Compiled)}
    complete = FunctionType(function.__code__, known, function.__name__, function.__defaults__)
    # numba names its files by it, and looks no further than at the date of the function's own file whether they are of today.
    complete.__qualname__, complete.__module__ = f"{function.__qualname__}-{digest}", function.__module__
    try:
        return numba.njit(nogil=True, cache=True)(complete)
    except RuntimeError:  # no folder for the machine code can be written: it is compiled anew in each run
        return numba.njit(nogil=True)(complete)


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`work` of each item, on all cores that this process may use; `work` spends its time in compiled code."""
    items = list(items)
    threads = min(len(items), cores())
    if threads < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))

"""The same work on many items, side by side in processes of its own.

Processes, not threads: two keys are never derived at a time in one process (see `isgan.key`), and a decoder that dies of a damaged
file takes one item with it, not the run. They are started as programs, not by `multiprocessing`, which would run the caller's
script again; what they work on comes through a pipe, so that no other process sees it; and they end when whoever started them does.
"""

import importlib
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable
from typing import Any, BinaryIO, Generic, NamedTuple, TypeVar

from isgan.errors import IsganError, IsganWarning
from isgan.files import heed_sigterm
from isgan.memory import keep_memory, large_pages

Item = TypeVar("Item")
Result = TypeVar("Result")

PATIENCE = 5.0  # seconds that a process has to clean up


class Outcome(NamedTuple, Generic[Item, Result]):
    """What became of an item: a result, or an error's line; and what there is to note."""

    item: Item
    result: Result | None
    error: str
    notes: tuple[str, ...]


def cores_allowed() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each(work: Callable[[Item], Result], items: Iterable[Item], jobs: int, kept_open: tuple[int, ...] = (),
         ordered: bool = False) -> Generator[Outcome[Item, Result], None, None]:  # fmt: skip
    """`work` of each item, in `jobs` processes, or in this one if that is 1; what goes wrong with one item stops no other.

    Args:
        work: a function of one of isgan's modules, or a `functools.partial` of one.
        items: taken when they are needed; they, `work` and the results must pickle.
        jobs: at least 1.
        kept_open: files that stay open as long as any of these processes lives, such as a locked one.
        ordered: outcomes come in the order of the items, not as they are finished.
    """
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise IsganError(f"{jobs!r} jobs: give a whole number, at least 1")
    if jobs == 1:
        for item in items:
            yield _attempt(work, item)
        return
    found: queue.SimpleQueue[tuple[int, Outcome] | BaseException | None] = queue.SimpleQueue()
    waiting, taking, ended = enumerate(items), threading.Lock(), threading.Event()
    crew = [_Process(work, max(1, cores_allowed() // jobs), kept_open) for _ in range(jobs)]

    def serve(process: _Process) -> None:
        try:
            while not ended.is_set():
                with taking:
                    number, item = next(waiting, (-1, None))
                if number < 0:
                    break
                found.put((number, process(item)))
            found.put(None)
        except BaseException as error:  # handed to whoever reads
            found.put(error)

    threads = [threading.Thread(target=serve, args=(process,), daemon=True) for process in crew]
    early: dict[int, Outcome] = {}
    expected, working = 0, jobs
    try:
        for thread in threads:
            thread.start()
        while working:
            got = found.get()
            if got is None:
                working -= 1
            elif isinstance(got, BaseException):
                raise got
            elif not ordered:
                yield got[1]
            else:
                early[got[0]] = got[1]
                while expected in early:
                    yield early.pop(expected)
                    expected += 1
    finally:
        ended.set()
        for process in crew:
            process.stop()
        for thread in threads:
            thread.join(PATIENCE)


def _attempt(work: Callable[[Item], Result], item: Item) -> Outcome[Item, Result]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", IsganWarning)
        result, error = None, ""
        try:
            result = work(item)
        except IsganError as failure:
            error = " ".join(str(failure).split())
        except MemoryError:
            error = "not enough memory: close other programs, or take fewer --jobs"
        except SystemError:  # a signal while compiled code started, see `isgan.__main__`
            raise
        except Exception as failure:
            place = traceback.extract_tb(failure.__traceback__)[-1]
            error = f"unexpected {type(failure).__name__} ({failure}) in {place.name}: please report this"
    return Outcome(item, result, error, tuple(str(note.message) for note in caught if issubclass(note.category, IsganWarning)))


class _Process:
    """A process that works on one item after the other; started at the first one, and anew after it died."""

    def __init__(self, work: Callable, threads: int, kept_open: tuple[int, ...]):
        self.work, self.threads, self.kept_open = work, threads, kept_open
        self.process: subprocess.Popen | None = None
        self.stopped = False
        self.starting = threading.Lock()

    def __call__(self, item: Any) -> Outcome:
        process = self.process or self._start()
        assert process.stdin is not None and process.stdout is not None
        try:
            _send(process.stdin, item)
            result, error, notes = _receive(process.stdout)
            return Outcome(item, result, error, notes)
        except (OSError, EOFError):
            self.process = None
            code = process.wait()
            why = f"by signal {-code}" if code < 0 else f"with code {code}"
            return Outcome(item, None, f"the process that worked on it ended {why}: take fewer --jobs, or leave this file out", ())

    def _start(self) -> subprocess.Popen:
        number = str(self.threads)
        with self.starting:
            if self.stopped:
                raise EOFError
            # -P: no module is taken from the current folder, which may be full of other people's files.
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "isgan.jobs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=large_pages(os.environ | {"OMP_NUM_THREADS": number, "OPENBLAS_NUM_THREADS": number}), pass_fds=self.kept_open,
            )  # fmt: skip
        assert self.process.stdin is not None
        _send(self.process.stdin, (self.threads, self.work))
        return self.process

    def stop(self) -> None:
        """Ends it, with what it is working on undone."""
        with self.starting:
            self.stopped = True
            process = self.process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue  # what it did not read any more


def _send(pipe: BinaryIO | Any, content: Any) -> None:
    data = pickle.dumps(content)
    pipe.write(struct.pack("<Q", len(data)) + data)
    pipe.flush()


def _receive(pipe: BinaryIO | Any) -> Any:
    before = pipe.read(8)
    if len(before) < 8:
        raise EOFError
    data = pipe.read(struct.unpack("<Q", before)[0])
    return pickle.loads(data)


def _watch(parent: int) -> None:
    """Ends this process when the one that started it was killed: what it works on would only be in the way of the next run."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


def serve() -> None:
    """What such a process does: it works until its standard input ends."""
    with os.fdopen(os.dup(0), "rb") as tasks, os.fdopen(os.dup(1), "wb") as results:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)  # what a library prints must not come between the results
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; whoever started this one ends it
        heed_sigterm()
        keep_memory()
        threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()
        threads, work = _receive(tasks)
        importlib.import_module("isgan.jit").limit(threads)
        while True:
            outcome = _attempt(work, _receive(tasks))
            _send(results, (outcome.result, outcome.error, outcome.notes))


if __name__ == "__main__":
    try:
        serve()
    except (EOFError, BrokenPipeError, KeyboardInterrupt, SystemError):
        os._exit(0)

"""Worker processes: so many jobs at once, so many more may wait, and what is cancelled stops within two seconds."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from isgan.memory import large_pages
from isgan.web.frames import LENGTH, Frame, head_length
from isgan.web.limits import Limits

Report = Callable[[dict[str, Any]], None]
"""Called with `{"progress": 0 ... 1}` while a job goes on."""
GRACE = 2.0
"""Seconds that a cancelled job has to end by itself."""
START = 5.0
"""Seconds that the server waits for its first worker, and with it whoever presses Ctrl-C meanwhile."""
PRIVATE = ("ISGAN_TOKEN", "ISGAN_PASS")


class Busy(Exception):
    """As many jobs as may wait are waiting."""


class Died(Exception):
    """A worker ended in the middle of a job."""


class Pool:
    """Workers of one server.

    Args:
        limits: `jobs`, `waiting` and `seconds` matter.
    """

    def __init__(self, limits: Limits):
        self.limits = limits
        self.admitted = 0
        self._free = asyncio.Semaphore(limits.jobs)
        self._idle: list[Worker] = []
        self._workers: set[Worker] = set()
        self._settling: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Starts one worker, or goes on without it where it takes long; others follow when they are needed. `Died` if it ends."""
        starting = asyncio.create_task(self._first())
        self._settling.add(starting)
        starting.add_done_callback(self._settling.discard)
        await asyncio.wait([starting], timeout=START)
        if starting.done():
            starting.result()

    async def _first(self) -> None:
        self._idle.append(await self._started())

    async def stop(self) -> None:
        """Ends all workers, whatever they do."""
        for task in list(self._settling):
            task.cancel()
        await asyncio.gather(*(worker.kill() for worker in self._workers))
        self._workers.clear()
        self._idle.clear()

    @contextmanager
    def admission(self) -> Iterator[None]:
        """A place among those who upload, wait or work; `Busy` where there is none."""
        if self.admitted >= self.limits.jobs + self.limits.waiting:
            raise Busy
        self.admitted += 1
        try:
            yield
        finally:
            self.admitted -= 1

    async def run(self, job: Frame, report: Report) -> Frame:
        """A job's answer. Cancelled, it stops the work; `TimeoutError` after `Limits.seconds`, `Died` if the worker ends."""
        async with asyncio.timeout(self.limits.seconds):
            await self._free.acquire()
            try:
                worker = self._idle.pop() if self._idle else await self._started()
            except BaseException:
                self._free.release()
                raise
            conversation = asyncio.create_task(worker.converse(job, report))
            try:
                return await asyncio.shield(conversation)
            finally:
                settled = asyncio.create_task(self._settle(worker, conversation))
                self._settling.add(settled)
                settled.add_done_callback(self._settling.discard)

    async def _settle(self, worker: "Worker", conversation: "asyncio.Task[Frame]") -> None:
        """Makes the worker ready for the next job, or ends it."""
        try:
            if not conversation.done():
                worker.cancel()
                await asyncio.wait([conversation], timeout=GRACE)
            if conversation.done() and conversation.exception() is None:
                self._idle.append(worker)
            else:
                self._workers.discard(worker)
                await worker.kill()
                await asyncio.wait([conversation])
        finally:
            self._free.release()

    async def _started(self) -> "Worker":
        worker = Worker(await _process())
        self._workers.add(worker)
        try:
            await worker.ready()
        except BaseException:
            self._workers.discard(worker)
            await worker.kill()
            raise
        return worker


class Worker:
    """One process, see `isgan.web.worker`."""

    def __init__(self, process: asyncio.subprocess.Process):
        assert process.stdin is not None and process.stdout is not None
        self._process, self._jobs, self._answers = process, process.stdin, process.stdout

    async def ready(self) -> None:
        """Waits until it has started."""
        await self._read()

    async def converse(self, job: Frame, report: Report) -> Frame:
        """Hands over a job and waits for its answer."""
        self._write(job)
        del job
        while True:
            frame = await self._read()
            if "progress" not in frame.head:
                return frame
            report(frame.head)

    def cancel(self) -> None:
        self._write(Frame({"cancel": True}))

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    def _write(self, frame: Frame) -> None:
        for part in frame.parts():
            self._jobs.write(part)

    async def _read(self) -> Frame:
        try:
            length = head_length(await self._answers.readexactly(LENGTH.size))
            frame = Frame(json.loads(await self._answers.readexactly(length)))
            frame.blobs = [await self._answers.readexactly(size) for size in frame.head.pop("sizes")]
            return frame
        except (asyncio.IncompleteReadError, OSError) as error:
            raise Died from error


async def _process() -> asyncio.subprocess.Process:
    # -P: the folder that somebody happens to be in must not replace a module. What it prints would be decoders' noise.
    environment = large_pages({name: value for name, value in os.environ.items() if name not in PRIVATE})
    return await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "isgan.web.worker", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, start_new_session=True, env=environment)  # fmt: skip

"""A process that does the work of `isgan serve`, one job at a time, and can be killed at any moment: `python -m isgan.web.worker`.

It reads jobs from standard input and answers on standard output, see `isgan.web.frames`. Files from strangers are opened here
alone, so that whatever they do to a decoder, the server goes on.
"""

import os
import queue
import signal
import sys
import threading
import traceback
import warnings
from pathlib import Path
from typing import Any, BinaryIO

from isgan.errors import IsganError, IsganWarning, NothingFound
from isgan.files import Named
from isgan.memory import give_back, keep_memory
from isgan.web.frames import Frame, read_frame
from isgan.web.tasks import TASKS


class Cancelled(Exception):
    """Nobody waits for the result any more."""


def main() -> None:
    """Works until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's to handle
    keep_memory()
    jobs, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), 1)  # nothing but frames may come out
    waiting: queue.Queue[Frame] = queue.Queue()
    cancelled = threading.Event()
    threading.Thread(target=_listen, args=(jobs, waiting, cancelled), daemon=True).start()
    warnings.simplefilter("always", IsganWarning)
    _send(answers, Frame({"ready": True}))
    while True:
        frame = waiting.get()
        _send(answers, _answer(frame, answers, cancelled))
        del frame
        give_back()


def _listen(jobs: BinaryIO, waiting: "queue.Queue[Frame]", cancelled: threading.Event) -> None:
    """Takes jobs and cancellations; ends the process with the server, even in the middle of a job."""
    while True:
        frame = read_frame(jobs)
        if frame is None:
            os._exit(0)
        elif "cancel" in frame.head:
            cancelled.set()
        else:
            cancelled.clear()  # here, or a cancellation right behind its job would be lost
            waiting.put(frame)


def _answer(frame: Frame, answers: BinaryIO, cancelled: threading.Event) -> Frame:
    notes: list[str] = []
    shown = [0]

    def note(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        if issubclass(category, IsganWarning):
            notes.append(str(message))

    def progress(done: int, total: int) -> None:
        if cancelled.is_set():
            raise Cancelled
        if done * 100 // total != shown[0]:
            shown[0] = done * 100 // total
            _send(answers, Frame({"progress": shown[0] / 100}))

    warnings.showwarning = note
    files = {name: Named(data, own, f"the {name}") for (name, own), data in zip(frame.head["files"], frame.blobs, strict=True)}
    try:
        made = TASKS[frame.head["task"]](files, frame.head["fields"], progress)
    except Cancelled:
        return Frame({"error": "cancelled", "kind": "cancelled"})
    except NothingFound as error:
        return Frame({"error": str(error), "kind": "nothing found"})
    except IsganError as error:
        return Frame({"error": " ".join(str(error).split()), "kind": "input"})
    except (MemoryError, RuntimeError) as error:  # torch's is a RuntimeError
        if isinstance(error, RuntimeError) and not any(words in str(error) for words in ("allocate memory", "out of memory")):
            return _bug(error)
        return Frame({"error": "not enough memory: close other programs, or scale the pictures down", "kind": "input"})
    except Exception as error:
        return _bug(error)
    parts = [{"part": part.part, "name": part.name, "type": part.type} for part in made.parts]
    return Frame({"facts": made.facts, "notes": list(dict.fromkeys(notes)), "parts": parts}, [part.data for part in made.parts])


def _bug(error: Exception) -> Frame:
    """Where it happened, without the message, which may tell something of the files."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return Frame({"error": f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}", "kind": "bug"})


def _send(answers: BinaryIO, frame: Frame) -> None:
    for part in frame.parts():
        answers.write(part)
    answers.flush()


if __name__ == "__main__":
    main()

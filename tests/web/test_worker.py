"""A worker by itself: jobs in, answers out, nothing else; a cancelled job ends, and the next one is done."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from isgan.files import Named
from isgan.web.forms import Hide
from isgan.web.frames import Frame, read_frame


@pytest.fixture(scope="module")
def worker() -> Iterator[subprocess.Popen]:
    process = subprocess.Popen([sys.executable, "-m", "isgan.web.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None and read_frame(process.stdout).head == {"ready": True}
    yield process
    process.stdin.close()
    assert process.wait(timeout=10) == 0


def tell(worker, *frames: Frame) -> Frame:
    """The last answer, without progress."""
    for frame in frames:
        for part in frame.parts():
            worker.stdin.write(part)
    worker.stdin.flush()
    while True:
        answer = read_frame(worker.stdout)
        if "progress" not in answer.head:
            return answer


def job(cover: bytes, secret: bytes, **fields: str) -> Frame:
    files, plain = Hide.checked({"cover": Named(cover), "secret": Named(secret), "pass_phrase": "p", "risk": "high", **fields})
    head = {"task": "hide", "fields": plain | {"megapixels": 1}, "files": [("cover", "c.png"), ("secret", "s.png")]}
    return Frame(head, list(files.values()))


def test_a_cancelled_job_ends_and_the_next_is_done(worker, cover, secret) -> None:
    assert tell(worker, job(cover, secret), Frame({"cancel": True})).head["kind"] == "cancelled"
    done = tell(worker, job(cover, secret))
    assert [part["part"] for part in done.head["parts"]] == ["stego", "secret", "seen", "residual"]
    assert done.blobs[0].startswith(b"\x89PNG")


def test_a_cancellation_that_comes_too_late_stops_nothing(worker, cover, secret) -> None:
    assert "facts" in tell(worker, Frame({"cancel": True}), job(cover, secret)).head


def test_errors_are_answers(worker, cover, secret) -> None:
    assert tell(worker, job(b"nothing", secret)).head["kind"] == "input"
    broken = job(cover, secret)
    del broken.head["fields"]["no_pass"]
    answer = tell(worker, broken).head
    assert answer["kind"] == "bug" and answer["error"].startswith("KeyError at tasks.py:")

"""Work in processes of its own: what comes back, in which order, and what becomes of errors, deaths and ends."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from isgan import IsganError, files, jobs, split
from isgan.secret import Part


def test_results_and_errors_come_back(tmp_path):
    good = tmp_path / "good"
    good.write_bytes(b"some bytes")
    for count in (1, 2):
        outcomes = list(jobs.each(files.read_file, [str(good), str(tmp_path / "none"), str(good)], count, ordered=True))
        assert [outcome.result for outcome in outcomes] == [b"some bytes", None, b"some bytes"]
        assert outcomes[1].error.endswith("does not exist: check the path") and not outcomes[0].error


def test_an_unexpected_error_stops_no_other_item():
    for count in (1, 2):
        first, second = jobs.each(split.missing, [[], [Part(b"", 1, 2, 9, b"")]], count, ordered=True)
        assert "unexpected IndexError" in first.error and "report" in first.error and second.result == [2]


def test_order_is_kept_when_asked_for():
    naps = [0.3, 0.0, 0.1, 0.0]
    assert [outcome.item for outcome in jobs.each(time.sleep, naps, 2, ordered=True)] == naps
    finished = [outcome.item for outcome in jobs.each(time.sleep, naps, 2)]
    assert finished[0] == 0.0 and sorted(finished) == sorted(naps)


def test_a_process_that_dies_takes_one_item_with_it():
    outcomes = list(jobs.each(signal.raise_signal, [signal.SIGKILL, signal.SIGCHLD, signal.SIGCHLD, signal.SIGCHLD], 2, ordered=True))
    assert "ended by signal 9" in outcomes[0].error and not any(outcome.error for outcome in outcomes[1:])


def test_an_early_end_stops_the_processes():
    started = time.monotonic()
    with closing(jobs.each(time.sleep, [0.0, 60.0, 60.0, 60.0], 2)) as outcomes:
        next(outcomes)
    assert time.monotonic() - started < 20
    assert b"isgan.jobs" not in b"".join(command_lines_of_children())


def test_processes_end_with_a_parent_that_is_killed(tmp_path):
    code = "import time\nfrom isgan import jobs\nlist(jobs.each(time.sleep, [0.0, 0.0, 300.0, 300.0], 2))"
    parent = subprocess.Popen([sys.executable, "-c", code])
    children = wait_for(lambda: [pid for pid in pids() if parent_of(pid) == parent.pid])
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))


def test_modules_in_the_current_folder_are_not_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("numpy", "isgan", "pickle", "subprocess"):
        Path(f"{name}.py").write_text("raise SystemExit('a stranger')")
    assert [outcome.error for outcome in jobs.each(time.sleep, [0.0, 0.0], 2)] == ["", ""]


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_of_who_gives_items_is_passed_on(count):
    def items():
        yield 0.0
        raise IsganError("no more")

    with pytest.raises(IsganError, match="no more"):
        list(jobs.each(time.sleep, items(), count))


def pids():
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def parent_of(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def command_lines_of_children():
    return [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids() if parent_of(pid) == os.getpid()]


def wait_for(condition, seconds=30.0):
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("number", [0, -1, "2", 1.5, True])
def test_a_number_of_jobs_that_is_none(number):
    with pytest.raises(IsganError, match="whole number, at least 1"):
        next(jobs.each(time.sleep, [0.0], number))


@pytest.mark.parametrize(
    ("given", "there"),
    [
        (None, "glibc.malloc.hugetlb=1"),
        ("glibc.malloc.check=0", "glibc.malloc.check=0:glibc.malloc.hugetlb=1"),
        ("glibc.malloc.hugetlb=0", "glibc.malloc.hugetlb=0"),
    ],
)
def test_processes_ask_for_large_pages_unless_told_otherwise(given, there, monkeypatch):
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    if given:
        monkeypatch.setenv("GLIBC_TUNABLES", given)
    assert {outcome.result for outcome in jobs.each(os.getenv, ["GLIBC_TUNABLES"] * 2, 2)} == {there}

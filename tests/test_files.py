"""Files are read within bounds, and written whole or not at all."""

import errno
import io
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from picture_files import refused
from PIL import Image

from isgan import files
from isgan.errors import IsganError
from isgan.files import check_output, read_file, shortened, write_file

ROOT = getattr(os, "geteuid", lambda: 1)() == 0


@pytest.fixture(params=["nameless", "hidden"])
def way(request, monkeypatch):
    """Both ways in which a file exists before it is finished."""
    if request.param == "hidden":
        monkeypatch.setattr(files, "NAMELESS", 0)
    elif not files.NAMELESS:
        pytest.skip("this system has no files without a name")
    return request.param


# Reading


def test_every_source_is_read(tmp_path):
    (tmp_path / "x").write_bytes(b"all of it")
    with (tmp_path / "x").open("rb") as file:
        for source in (tmp_path / "x", str(tmp_path / "x"), b"all of it", io.BytesIO(b"all of it"), file):
            assert read_file(source) == b"all of it"


def test_what_cannot_be_read(tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "broken").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe")
    refused(lambda: read_file(tmp_path / "none"), "none'", "does not exist", "check")
    refused(lambda: read_file(tmp_path / "broken"), "does not exist")
    refused(lambda: read_file(tmp_path), "is a folder", "name one file")
    refused(lambda: read_file(tmp_path / "pipe"), "is not a file")
    refused(lambda: read_file(tmp_path / "empty"), "is empty", "get the file again")
    refused(lambda: read_file(b""), "the file is empty")
    refused(lambda: read_file(tmp_path / ("x" * 300)), "xxx")
    refused(lambda: read_file(tmp_path / "empty" / "x"), "x'")
    refused(lambda: read_file(io.StringIO("text")), "opened as text", "'rb'")


@pytest.mark.parametrize("pasted", ["{} ", "{}\n", "'{}'", '"{}"', " '{}' \n", "file://{}", "{escaped}", "file://{uri}"])
def test_a_pasted_name_is_understood(tmp_path, pasted):
    path = tmp_path / "my photo (1).png"
    path.write_bytes(b"x")
    name = pasted.format(path, escaped=re.sub(r"([ ()])", r"\\\1", str(path)), uri=quote(str(path)))
    refused(lambda: read_file(name), "does not exist: did you mean", f"{path}'?")
    refused(lambda: read_file(name.replace("photo", "foto")), "check the path")


def test_a_name_that_ends_in_a_line_end_is_a_name(tmp_path):
    (tmp_path / "x\n").write_bytes(b"odd")
    assert read_file(tmp_path / "x\n") == b"odd"


@pytest.mark.parametrize(("stem", "kept"), [("short", 5), ("n" * 255, 251), ("ä" * 200, 125), ("", 0)])
def test_names_are_cut_to_what_systems_take(tmp_path, stem, kept):
    name = shortened(stem, ".png")
    assert name == stem[:kept] + ".png" and len(name.encode()) <= 255
    (tmp_path / name).touch()


def test_large_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_BYTES", 9)
    (tmp_path / "x").write_bytes(bytes(9))
    assert read_file(tmp_path / "x") == bytes(9)
    (tmp_path / "x").write_bytes(bytes(10))
    for source in (tmp_path / "x", bytes(10), io.BytesIO(bytes(10))):
        refused(lambda source=source: read_file(source), "too large", "MiB")


def test_permission_denied_on_opening(tmp_path, monkeypatch):
    (tmp_path / "private").write_bytes(b"x")

    def denied(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    refused(lambda: read_file(tmp_path / "private"), "private", "Permission denied", "permissions")


def test_names_cannot_break_the_message(tmp_path):
    refused(lambda: read_file(tmp_path / "a\nb\x1b[31m\udcff.png"), "a?b?[31m?.png")


# check_output


@pytest.mark.parametrize("suffix", [".png", ".PNG"])
def test_a_good_output(tmp_path, suffix):
    path = tmp_path / f"stego{suffix}"
    assert (
        check_output(str(path), False, [tmp_path / "none.png", np.zeros((2, 2)), Image.new("L", (1, 1)), b"x"]) == path
    )
    assert not path.exists()
    assert check_output(tmp_path / "any.thing", suffixes=None) == tmp_path / "any.thing"


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".webp"])
def test_lossy_outputs_are_refused_with_the_name_to_use(tmp_path, suffix):
    reason = f"{suffix.lower()} files lose detail"
    refused(lambda: check_output(tmp_path / f"stego{suffix}", True), reason, "hidden picture", "stego.png'")


@pytest.mark.parametrize("name", ["stego", "stego.tiff", ".png"])
def test_other_outputs_are_refused_with_the_name_to_use(tmp_path, name):
    refused(lambda: check_output(tmp_path / name, True), "only PNG is written", ".png'")
    refused(
        lambda: check_output(tmp_path / name, True, suffixes=(".png", ".jpg")), "only PNG or JPG is written", ".png'"
    )


def test_outputs_where_nothing_can_be_written(tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    refused(lambda: check_output(tmp_path / "none" / "x.png"), "folder", "none'", "does not exist", "create it")
    refused(lambda: check_output(tmp_path / "file" / "x.png"), "does not exist")
    refused(lambda: check_output(tmp_path / "folder.png", True), "is a folder", "add a file name")
    refused(lambda: check_output(tmp_path / f"{'x' * 300}.png"), "cannot write")


def test_an_unwritable_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: not (Path(path) == tmp_path and mode & os.W_OK))
    refused(lambda: check_output(tmp_path / "x.png"), "is not writable", "choose another folder")


def test_an_existing_file_needs_force(tmp_path):
    path = tmp_path / "x.png"
    path.touch()
    refused(lambda: check_output(path), "exists", "--force")
    assert check_output(path, True) == path
    path.unlink()
    path.symlink_to("gone.png")
    refused(lambda: check_output(path), "exists")


def test_an_output_is_never_an_input_even_with_force(tmp_path):
    path = tmp_path / "cover.png"
    path.touch()
    (tmp_path / "link.png").symlink_to(path)
    (tmp_path / "hard.png").hardlink_to(path)
    (tmp_path / "folder").mkdir()
    for output in ("cover.png", "link.png", "hard.png", "folder/../cover.png"):
        refused(lambda output=output: check_output(tmp_path / output, True, ["none", str(path)]), "is also an input")


# write_file


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 10_000])
def test_what_is_written_is_there(tmp_path, way, data):
    path = write_file(str(tmp_path / "x"), data)
    assert path.read_bytes() == data
    assert write_file(path, data[::-1], force=True).read_bytes() == data[::-1]
    assert list(tmp_path.iterdir()) == [path]


def test_the_current_folder(tmp_path, way, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for force in (False, True, True):
        write_file("x", b"data", force)
    assert (tmp_path / "x").read_bytes() == b"data"


def test_an_older_file_is_kept_without_force(tmp_path, way):
    (tmp_path / "x").write_text("old")
    refused(lambda: write_file(tmp_path / "x", b"new"), "exists", "--force")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_a_symbolic_link_is_replaced_not_followed(tmp_path, way):
    (tmp_path / "target").write_text("old")
    (tmp_path / "x").symlink_to("target")
    write_file(tmp_path / "x", b"new", force=True)
    assert not (tmp_path / "x").is_symlink()
    assert (tmp_path / "target").read_text() == "old"


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_the_umask_decides_who_may_read(tmp_path, way, umask):
    before = os.umask(umask)
    try:
        path = write_file(tmp_path / "x", b"data")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_verify_sees_the_bytes_before_they_have_their_name(tmp_path, way):
    seen = []

    def verify(saved: bytes) -> None:
        seen.append(saved)
        assert not (tmp_path / "x").exists()
        assert len(list(tmp_path.iterdir())) == (way == "hidden")

    write_file(tmp_path / "x", b"data", verify=verify)
    assert seen == [b"data"]
    assert [file.name for file in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, OSError, IsganError])
@pytest.mark.parametrize("force", [False, True])
def test_what_verify_raises_is_passed_on_and_nothing_is_written(tmp_path, way, error, force):
    if force:
        (tmp_path / "x").write_text("old")

    def verify(_: bytes) -> None:
        raise error("no")

    with pytest.raises(error, match=r"^no$"):
        write_file(tmp_path / "x", b"new", force, verify)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"] * force


@pytest.mark.parametrize(
    "broken", [[(os, "fsync")], [(os, "link"), (Path, "replace")], [(Path, "replace")]], ids=["fsync", "names", "move"]
)
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=["full", "Ctrl-C"]
)
def test_nothing_is_left_when_the_system_fails(tmp_path, way, monkeypatch, broken, error):
    def fail(*args, **kwargs):
        raise error

    (tmp_path / "x").write_text("old")
    with monkeypatch.context() as patch:
        for owner, name in broken:
            patch.setattr(owner, name, fail)
        if isinstance(error, OSError):
            refused(
                lambda: write_file(tmp_path / "x", b"new", True, remedy="buy a disk"),
                "cannot write",
                "No space left",
                "buy a disk",
            )
        else:
            with pytest.raises(KeyboardInterrupt):
                write_file(tmp_path / "x", b"new", True)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_a_real_failure_in_the_middle_of_the_file(tmp_path, way):
    (tmp_path / "x").write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        message = refused(lambda: write_file(tmp_path / "x", bytes(100_000), force=True), "cannot write", "make room")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.strerror(errno.EFBIG) in message
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_a_file_that_differs_when_read_back_is_refused(tmp_path, way, monkeypatch):
    def worn(descriptor: int) -> None:
        os.pwrite(descriptor, b"X", 1)

    monkeypatch.setattr(os, "fsync", worn)
    refused(lambda: write_file(tmp_path / "x", b"data"), "differs from what was written", "check the disk")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_appeared_meanwhile_is_left_alone(tmp_path, way, monkeypatch, links):
    path = tmp_path / "x"
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", no_links)
    refused(lambda: write_file(path, b"ours", verify=lambda _: path.write_text("theirs")), "exists", "--force")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["theirs"]


def test_disks_without_hard_links(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "NAMELESS", 0)
    monkeypatch.setattr(Path, "hardlink_to", no_links)
    path = write_file(tmp_path / "x", b"data")
    assert path.read_bytes() == b"data"
    assert list(tmp_path.iterdir()) == [path]


def no_links(self, target):
    raise PermissionError(errno.EPERM, "Operation not permitted")


def test_a_missing_folder(tmp_path, way):
    refused(
        lambda: write_file(tmp_path / "none" / "x", b"data", remedy="make it"),
        "cannot write",
        "No such file",
        "make it",
    )


# Ended from outside

WRITER = """
import sys, time
from isgan.files import Terminated, heed_sigterm, write_file
{prepare}
def verify(saved):
    print("writing", flush=True)
    time.sleep(60)
try:
    write_file(sys.argv[1], b"data", verify=verify)
except Terminated:
    sys.exit(143)
"""


@pytest.mark.parametrize(
    ("number", "prepare", "code"),
    [
        (signal.SIGKILL, "", -signal.SIGKILL),
        (signal.SIGTERM, "heed_sigterm()", 143),
        (signal.SIGTERM, "heed_sigterm(); import isgan.files; isgan.files.NAMELESS = 0", 143),
    ],
    ids=["killed", "terminated", "terminated, with a hidden file"],
)
def test_a_process_that_is_ended_leaves_nothing(tmp_path, number, prepare, code):
    if number == signal.SIGKILL and not files.NAMELESS:
        pytest.skip("this system has no files without a name")
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER.format(prepare=prepare), tmp_path / "x"], stdout=subprocess.PIPE
    )
    assert writer.stdout.readline() == b"writing\n"
    started = time.monotonic()
    writer.send_signal(number)
    assert writer.wait(timeout=30) == code
    assert time.monotonic() - started < 20
    assert not list(tmp_path.iterdir())


def test_a_private_file_is_its_owners_before_it_has_a_name(tmp_path, monkeypatch):
    modes = []
    monkeypatch.setattr(files.os, "fsync", lambda handle: modes.append(os.fstat(handle).st_mode & 0o777))
    path = write_file(tmp_path / "list.csv", b"who hides what", private=True)
    assert modes[0] == path.stat().st_mode & 0o777 == 0o600

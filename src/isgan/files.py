"""Files are read within bounds, and written whole or not at all: the only place that does either.

A new file has no name before it is finished where the system can do that, so that even a killed process leaves nothing.
"""

import os
import re
import secrets
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO, NoReturn, TypeAlias
from urllib.parse import unquote

from isgan.errors import IsganError

File: TypeAlias = str | os.PathLike | bytes | BinaryIO
"""A path, all bytes of a file, or an open binary file, which is read from where it stands."""

MAX_BYTES = 512 * 2**20
MAX_NAME = 255  # bytes of a file's name, on every usual system
LOSSY = (".jpg", ".jpeg", ".jfif", ".webp", ".avif", ".heic", ".heif", ".jp2", ".jxl", ".gif")
ROOM = "make room or choose another folder"
NAMELESS = getattr(os, "O_TMPFILE", 0)
OWN_FILES = Path("/proc/self/fd")
UNFINISHED = ".isgan-" + 16 * "[0-9a-f]"


class Named(bytes):
    """All bytes of a file that lies nowhere, such as an upload.

    Attributes:
        name: without folders; a secret keeps it.
        label: what messages call it.
    """

    name: str
    label: str

    def __new__(cls, data: bytes | bytearray, name: str = "", label: str = "the file") -> "Named":
        file = super().__new__(cls, data)
        file.name, file.label = name, label
        return file


class Terminated(KeyboardInterrupt):
    """SIGTERM, as an exception: what Ctrl-C cleans up, it cleans up too."""


def heed_sigterm() -> None:
    """From now on SIGTERM raises `Terminated` in the main thread. For command lines; they end with 128 + 15."""

    def terminate(number: int, frame: FrameType | None) -> NoReturn:
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)


def read_file(source: File, unnamed: str = "the file") -> bytes:
    """All bytes of a file, or of what messages call `unnamed`.

    Raises:
        IsganError: missing, a folder, no plain file, empty, larger than `MAX_BYTES`, or not readable.
    """
    name = name_of(source, unnamed)
    if isinstance(source, bytes):
        data = source
    elif isinstance(source, str | os.PathLike):
        path = Path(source)
        with system_errors(f"read {name}", "check the path and its permissions"):
            if path.is_dir():
                raise IsganError(f"{name} is a folder: name one file in it")
            if not path.is_file():  # a pipe would be waited for
                remedy = f"did you mean {quoted(meant)}?" if (meant := _meant(path)) else "check the path"
                raise IsganError(f"{name} {'is not a file' if path.exists() else 'does not exist'}: {remedy}")
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    else:
        if not hasattr(source, "read"):
            raise IsganError(f"{name} is of type {type(source).__name__}: give a file name, its bytes, an open binary file, or, "
                             "where it is a picture, a Pillow image or a uint8 array")  # fmt: skip
        with system_errors(f"read {name}", "check where it comes from"):
            data = source.read(MAX_BYTES + 1)
        if not isinstance(data, bytes):
            raise IsganError(f"{name} is opened as text: open it with mode 'rb'")
    if not data:
        raise IsganError(f"{name} is empty: get the file again")
    if len(data) > MAX_BYTES:
        raise IsganError(f"{name} is too large: at most {MAX_BYTES / 2**20:.0f} MiB are read; scale it down")
    return data


def name_of(source: Any, unnamed: str = "the file") -> str:
    """What messages call a source: one without a name `unnamed`."""
    if isinstance(source, Named):
        return source.label
    return quoted(Path(source)) if isinstance(source, str | os.PathLike) else unnamed


def check_output(
    path: str | os.PathLike,
    force: bool = False,
    inputs: Iterable[Any] = (),
    suffixes: tuple[str, ...] | None = (".png",),
) -> Path:
    """Refuses an output path that cannot be written, or should not, before any work is done.

    Args:
        path: in a folder that exists. A symbolic link there is replaced, not followed.
        force: allow an existing file to be overwritten, though never one of the inputs.
        inputs: what the output is made from; what is no path is skipped.
        suffixes: those that are allowed, lower case, the usual one first; None for any.

    Raises:
        IsganError: another suffix, a folder, no such folder, no permission, an existing file, one of the inputs.
    """
    path = Path(path)
    name = quoted(path)
    with system_errors(f"write {name}", "choose another folder"):
        if path.is_dir():
            raise IsganError(f"{name} is a folder: add a file name, like {quoted(path / 'picture.png')}")
        if suffixes is not None:
            _check_suffix(path, name, suffixes)
        if not path.parent.is_dir():
            raise IsganError(f"the folder {quoted(path.parent)} does not exist: create it first")
        files = [Path(source) for source in inputs if isinstance(source, str | os.PathLike)]
        if path.exists() and any(path.samefile(file) for file in files if file.exists()):
            raise IsganError(f"{name} is also an input, which would be lost: choose another name")
        if not force and os.path.lexists(path):
            raise _exists(name)
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise IsganError(f"the folder {quoted(path.parent)} is not writable: choose another folder")
    return path


def write_file(
    path: str | os.PathLike,
    data: bytes,
    force: bool = False,
    verify: Callable[[bytes], object] | None = None,
    remedy: str = ROOM,
    private: bool = False,
) -> Path:
    """Writes a file, flushes it to the disk, reads it back, compares, and only then gives it its name.

    Whatever goes wrong, nothing half-written is left and an older file is untouched.

    Args:
        path: in a folder that exists.
        data: all of it.
        force: overwrite an existing file.
        verify: called with the bytes as they were read back; what it raises is passed on and nothing is written.
        remedy: what the user can do about a system error, for its message.
        private: nobody but its owner may read the file, not for a moment.

    Raises:
        IsganError: an existing file without `force`; a full disk and other system errors; other bytes read back.
    """
    path = Path(path)
    name = quoted(path)
    if not force and os.path.lexists(path):
        raise _exists(name)
    with system_errors(f"write {name}", remedy):
        file, temporary = _create(path.parent)
    try:
        with file:
            with system_errors(f"write {name}", remedy):
                if private and hasattr(os, "fchmod"):
                    with suppress(OSError):  # not every disk knows owners
                        os.fchmod(file.fileno(), 0o600)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                file.seek(0)
                saved = file.read()
            if saved != data:
                raise IsganError(
                    f"{name} read back differs from what was written: check the disk, choose another folder"
                )
            if verify is not None:
                verify(saved)
            if temporary is None:
                with system_errors(f"write {name}", remedy):
                    temporary = _link(file.fileno(), path, force)
        if temporary is not None:
            with system_errors(f"write {name}", remedy):
                _move(temporary, path, force)
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return path


@contextmanager
def system_errors(action: str, remedy: str) -> Iterator[None]:
    """Turns an `OSError` into one line: cannot `action`: why; `remedy`."""
    try:
        yield
    except OSError as error:
        raise IsganError(f"cannot {action}: {error.strerror or error}; {remedy}") from error


def quoted(path: str | os.PathLike) -> str:
    """The path for a message; what would break the line or the terminal is replaced."""
    return "'" + "".join(letter if letter.isprintable() else "?" for letter in str(path)) + "'"


def shortened(stem: str, suffix: str) -> str:
    """A file name that systems take, with as much of `stem` before the suffix as fits."""
    return stem.encode("utf-8", "surrogateescape")[: MAX_NAME - len(suffix)].decode("utf-8", "ignore") + suffix


def clear_unfinished(folder: Path) -> None:
    """Removes what writers of a folder left that were killed the moment they replaced a file: only where nobody else writes."""
    for path in folder.glob(UNFINISHED):
        path.unlink(missing_ok=True)


def _meant(path: Path) -> Path | None:
    """The file that a pasted path means without what terminals and file managers put around or into it, if there is one."""
    bare = str(path).strip().strip("'\"").strip()
    local = unquote(re.sub("^file:/+", "/", bare)) if bare.startswith("file:/") else bare
    tries = (Path(bare), Path(local), Path(re.sub(r"\\(.)", r"\1", bare)))
    return next((meant for meant in tries if meant != path and meant.is_file()), None)


def _create(folder: Path) -> tuple[BinaryIO, Path | None]:
    """A new file, to write and to read: without a name where the system can, else a hidden one, and its path."""
    # Not tempfile: it makes files that only their owner can read, whatever the umask says.
    if NAMELESS and OWN_FILES.is_dir():
        with suppress(OSError):  # not every file system can; the other way then says what is wrong, if anything
            return os.fdopen(os.open(folder, NAMELESS | os.O_RDWR, 0o666), "w+b"), None
    temporary = _hidden(folder)
    return temporary.open("x+b"), temporary


def _link(descriptor: int, path: Path, force: bool) -> Path | None:
    """Gives a file without a name its name; over an older file it needs another name first, which is returned."""
    source = OWN_FILES / str(descriptor)
    try:
        # Any folder's descriptor will do: without one Python calls link(2), which would link the link.
        os.link(source, path, src_dir_fd=descriptor)
    except FileExistsError:
        if not force:
            raise _exists(quoted(path)) from None
        temporary = _hidden(path.parent)
        os.link(source, temporary, src_dir_fd=descriptor)
        return temporary
    return None


def _move(temporary: Path, path: Path, force: bool) -> None:
    """Gives a file its final name; without `force` a file that appeared meanwhile is left alone."""
    if force:
        temporary.replace(path)
        return
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise _exists(quoted(path)) from None
    except OSError:  # FAT and some network disks have no hard links
        if os.path.lexists(path):
            raise _exists(quoted(path)) from None
        temporary.replace(path)


def _hidden(folder: Path) -> Path:
    return folder / f".isgan-{secrets.token_hex(8)}"


def _check_suffix(path: Path, name: str, suffixes: tuple[str, ...]) -> None:
    suffix = path.suffix.lower()
    if suffix in suffixes:
        return
    only = " or ".join(known[1:].upper() for known in suffixes)
    reason = f"{suffix} files lose detail, and with it a hidden picture" if suffix in LOSSY else f"only {only} is written"
    raise IsganError(f"{name}: {reason}: use {quoted(path.with_suffix(suffixes[0]))}")


def _exists(name: str) -> IsganError:
    return IsganError(f"{name} exists: choose another name, or use --force to overwrite it")

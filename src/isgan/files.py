"""Files that are written whole or not at all."""

import os
import secrets
from pathlib import Path

from isgan.errors import IsganError


def replace_file(path: Path, data: bytes, remedy: str = "make room or choose another folder") -> None:
    """Writes `data` to a new file in the same folder, flushes it to the disk and moves it to `path`, over an older one.

    Whatever goes wrong, nothing half-written is left and the older file is untouched.

    Args:
        path: in a folder that exists.
        data: all of it.
        remedy: what the user can do, for the error message.

    Raises:
        IsganError: a full disk and other system errors.
    """
    temporary = path.with_name(f".isgan-{secrets.token_hex(8)}")
    try:
        # Not tempfile: it makes files that only their owner can read, whatever the umask says.
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise IsganError(f"cannot write {path}: {error.strerror or error}; {remedy}") from error
    finally:
        temporary.unlink(missing_ok=True)

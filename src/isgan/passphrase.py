"""Where a pass phrase comes from: a file, the environment, or whoever sits at the terminal.

Never from the command line, which others on the machine see.
"""

import getpass
import os
import sys
from pathlib import Path

from isgan.errors import IsganError
from isgan.options import NO_PASS_PHRASE

VARIABLE = "ISGAN_PASS"
MAX_BYTES = 64 * 1024


def pass_phrase(pass_file: Path | None, no_pass: bool, twice: bool) -> str:
    """The pass phrase that a command works with.

    Args:
        pass_file: read from there; one line end at its end is no part of it.
        no_pass: the public one that stands for none.
        twice: ask a second time at the terminal, so that a slip does not lock the secret away.

    Raises:
        IsganError: an empty one, or of blanks alone, a file that cannot be read, nobody to ask.
    """
    if no_pass:
        if pass_file is not None:
            raise IsganError("--no-pass and --pass-file contradict each other: leave out one of them")
        return NO_PASS_PHRASE
    if pass_file is not None:
        return _not_empty(_read(pass_file), f"the pass file '{pass_file}' is empty: write the pass phrase into it")
    if VARIABLE in os.environ:
        return _not_empty(os.environ[VARIABLE], f"{VARIABLE} is empty: set it to the pass phrase, or unset it to be asked")
    return _asked(twice)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise IsganError(f"the pass file '{path}' is larger than {MAX_BYTES // 1024} KiB: it is hardly a pass phrase")
        return data.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise IsganError(f"cannot read the pass file '{path}': {error.strerror}; check the path and its permissions") from error
    except UnicodeDecodeError:
        raise IsganError(f"the pass file '{path}' is not UTF-8 text: save it as UTF-8") from None


def _asked(twice: bool) -> str:
    if not sys.stdin.isatty():
        raise IsganError(f"no pass phrase, and no terminal to ask for one: give --pass-file, set {VARIABLE}, or say --no-pass")
    try:
        given = _not_empty(getpass.getpass("Pass phrase: "), "the pass phrase is empty: give one of several words, or say --no-pass")
        if twice and getpass.getpass("Again: ") != given:
            raise IsganError("the two pass phrases differ: start again")
    except EOFError:
        raise IsganError("no pass phrase was given: start again, or say --no-pass") from None
    return given


def _not_empty(given: str, otherwise: str) -> str:
    if not given.strip():
        raise IsganError(otherwise)
    return given

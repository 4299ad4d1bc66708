"""The command line: `isgan COMMAND`, and the one place where results are printed and errors become a line and an exit code."""

import atexit
import gc
import json
import math
import os
import pkgutil
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Literal, NoReturn, get_args, get_origin

from cyclopts import (
    App,
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    Parameter,
    Token,
    UnknownOptionError,
    UnusedCliTokensError,
    convert,
)

from isgan import IsganError, IsganWarning, __doc__, __version__, commands, console
from isgan.errors import SomeFailed
from isgan.files import Terminated, heed_sigterm, quoted
from isgan.memory import keep_memory

FLAGS = {"--json": "prints its result as JSON", "--quiet": "prints errors alone"}
"""Options that every command takes, and what it does with them."""
EVERYWHERE = f"Every command takes {', and '.join(f'{flag}, which {what}' for flag, what in FLAGS.items())}."
INTERRUPTED, TERMINATED = 130, 143


def app() -> App:
    """All commands of the folder, each imported when it is asked for."""
    line = App(name="isgan", help=f"{__doc__.splitlines()[0]}\n\n{EVERYWHERE}", version=__version__, suppress_keyboard_interrupt=False,
               default_parameter=Parameter(converter=strictly))  # fmt: skip
    for module in pkgutil.iter_modules(commands.__path__):
        line.command(f"isgan.commands.{module.name}:{module.name}")
    return line


def strictly(kind: Any, tokens: Sequence[Token]) -> Any:
    """cyclopts' own conversion, but for whole numbers: it would cut 2.5 down to 2, and has no words for "a number or auto"."""
    parts = list(_parts(kind))
    words = [word for part in parts if get_origin(part) is Literal for word in get_args(part)]
    if int in parts:
        for token in tokens:
            if token.value not in words and not re.fullmatch(r"[+-]?\d+", token.value):
                raise CoercionError(msg=f"{token.keyword or token.value}: {' or '.join([*words, 'a whole number'])}, not {token.value}")
    return convert(kind, tokens)


def _parts(kind: Any) -> Iterator[Any]:
    yield kind
    for part in get_args(kind):
        yield from _parts(part)


def main(tokens: Sequence[str] | None = None) -> int:
    """Runs one command; returns 0, 1 if some of many items failed, 2 for what the user can mend, 130 after Ctrl-C, 143 after SIGTERM."""
    tokens = sys.argv[1:] if tokens is None else list(tokens)
    atexit.register(gc.freeze)  # nothing needs to be collected when all of it ends
    options = tokens[: tokens.index("--")] if "--" in tokens else tokens
    as_json, quiet = "--json" in options, "--quiet" in options
    tokens = [token for token in options if token not in FLAGS] + tokens[len(options) :]
    console.quiet = quiet
    keep_memory()
    # A command is short, and much of it is imports: fewer rounds of the garbage collector. While one thread imports numba, another
    # that comes back from compiled code should not wait 5 ms for Python's lock each time.
    gc.set_threshold(50_000)
    sys.setswitchinterval(0.0005)
    # Threads that spin while they wait make everything several times slower beside other work; torch reads this when it is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    heed_sigterm()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a file name that the terminal cannot show
    line = app()
    if tokens[:1] in ([], ["-h"], ["--help"]):
        line.resolved_commands()  # cyclopts lists the summaries only of commands it has imported
    with warnings.catch_warnings():
        warnings.simplefilter("always", IsganWarning)
        warnings.showwarning = _note
        try:
            result = line(tokens, print_error=False, exit_on_error=False, result_action="return_value")
        except SomeFailed as error:
            for failure in error.failures:
                _fail(failure)
            return _print(error.result, as_json, quiet) or 1
        except (IsganError, CycloptsError) as error:
            return _fail(" ".join(_words(error).split()))
        except KeyboardInterrupt as error:
            return _stopped(error)
        except (MemoryError, RuntimeError, SystemError) as error:
            broken_off = _interrupt(error)
            if broken_off:
                return _stopped(broken_off)
            said = any(words in str(error) for words in ("allocate memory", "out of memory"))  # torch's is a RuntimeError
            if not isinstance(error, MemoryError) and not said:
                raise
            return _fail("not enough memory: close other programs, or scale the pictures down")
        return _print(result, as_json, quiet)


def run() -> NoReturn:
    """`main` as a process of its own."""
    code = main()
    if code in (INTERRUPTED, TERMINATED):
        # What the signal broke off may have left Python's import lock taken. A thread that still loads compiled code would wait for it, and
        # an orderly end for the thread.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, AttributeError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _print(result: Any, as_json: bool, quiet: bool) -> int:
    if sys.stdout is None:  # closed
        return 0
    try:
        if result is not None and not quiet:
            print(json.dumps(_finite(result), default=str, ensure_ascii=False) if as_json else console.text(result))
        sys.stdout.flush()
    except OSError as error:
        # Python must not flush again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # `isgan ... | head`: nobody reads on
            return _fail(f"cannot print the result: {error.strerror}; files were written")
    return 0


def _words(error: IsganError | CycloptsError) -> str:
    """What to do; cyclopts says of some mistakes only what it met."""
    if isinstance(error, MissingArgumentError) and error.argument and error.command_chain:
        command = " ".join(("isgan", *error.command_chain))
        return f"{command} needs {error.argument.name}: {command} --help says what that is"
    if isinstance(error, UnknownOptionError) and (error.token.keyword or "").startswith(("--pass", "--pw", "--phrase")):
        return "a pass phrase is no argument, which others on this machine would see: give --pass-file, set ISGAN_PASS, or wait to be asked"
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        more = ", ".join(map(quoted, error.unused_tokens))
        return f"too many arguments: {more}; leave out what does not belong here, and put names with spaces in quotes"
    return str(error)


def _interrupt(error: BaseException | None) -> KeyboardInterrupt | None:
    """The signal behind an error: Python wraps its exception where compiled code starts, or a class is made."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__
    return error


def _stopped(error: KeyboardInterrupt) -> int:
    return TERMINATED if isinstance(error, Terminated) else INTERRUPTED


def _finite(value: Any) -> Any:
    """The same with null for numbers that JSON has not: infinite decibels, SSIM of a line of pixels."""
    if isinstance(value, dict):
        return {name: _finite(content) for name, content in value.items()}
    if isinstance(value, list):
        return [_finite(content) for content in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _fail(message: str) -> int:
    if sys.stderr is not None:
        print(f"isgan: error: {message}", file=sys.stderr)
    return 2


def _note(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if sys.stderr is not None and not console.quiet:
        prefix = "isgan: note" if issubclass(category, IsganWarning) else category.__name__
        print(f"{prefix}: {message}", file=sys.stderr)


if __name__ == "__main__":
    run()

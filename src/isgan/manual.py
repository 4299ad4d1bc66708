"""The manual page, made of what the commands say of themselves, so that it cannot differ from `--help`."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from cyclopts import App, Group

from isgan import __doc__ as purpose
from isgan import __version__

EXAMPLES = {
    "Hide a picture, and get it back": ["isgan hide photo.jpg secret.png -o stego.jpg", "isgan reveal stego.jpg -o secret-again.png"],
    "See how much a photograph takes": ["isgan capacity photo.jpg"],
    "Files whose names begin with a dash come after --": ["isgan hide -o stego.png -- -photo.png -secret.png"],
    "Complete commands and options in this shell": ["source <(isgan completion bash)"],
}
EXITS = {
    "0": "Done.",
    "1": "Of several files some failed; the others are done.",
    "2": "Nothing was done; the one line on standard error says why, and what to do.",
    "130, 143": "Stopped by Ctrl-C or SIGTERM; nothing half-written is left.",
}
ENVIRONMENT = {"ISGAN_PASS": "The pass phrase, where no --pass-file gives it. Other programs of yours can read it."}


def page(line: App, everywhere: str) -> str:
    """The manual page of a command line in roff, for `man`.

    Args:
        line: with all its commands.
        everywhere: what holds for all commands.
    """
    commands = [(name, command) for name, command in line.resolved_commands().items() if not name.startswith("-")]
    short, *_ = purpose.splitlines()
    return "\n".join([
        f'.TH ISGAN 1 "" "isgan {__version__}" "User Commands"',
        ".SH NAME", f"isgan \\- {_text(short[0].lower() + short[1:].rstrip('.'))}",
        ".SH SYNOPSIS", ".B isgan", ".I COMMAND", "[options]",
        ".SH DESCRIPTION", _text(f"{short} {everywhere} isgan COMMAND --help says what a command takes; it is here for all of them."),
        ".SH COMMANDS", *(part for name, command in commands for part in _command(name, command)),
        ".SH EXIT STATUS", *_tagged(EXITS),
        ".SH ENVIRONMENT", *_tagged(ENVIRONMENT),
        ".SH EXAMPLES", *(part for what, lines in EXAMPLES.items() for part in _example(what, lines)),
    ])  # fmt: skip


def _command(name: str, command: App) -> Iterator[str]:
    arguments = [argument for argument in command.assemble_argument_collection(parse_docstring=True) if argument.show]
    places = [argument for argument in arguments if argument.index is not None]
    options = [argument for argument in arguments if argument.index is None]
    yield f".SS isgan {name}"
    needed = [f"\\fI{_text(place.names[0])}\\fR" if place.required else f"[\\fI{_text(place.names[0])}\\fR]" for place in places]
    needed += [f"\\fB{_text(option.names[0])}\\fR \\fI{_meta(option)}\\fR" for option in options if option.required]
    yield " ".join([f"\\fBisgan {name}\\fR", *needed, *(["[options]"] if len(options) > sum(o.required for o in options) else [])])
    help = inspect.cleandoc(str(command.help or "")).split("\nParameters\n")[0]
    for paragraph in re.split(r"\n\s*\n", help.strip()):
        yield f".PP\n{_text(paragraph)}"
    for argument in arguments:
        names = ", ".join(f"\\fB{_text(known)}\\fR" for known in argument.names)
        takes = (argument.index is None and argument.hint is not bool) or argument.get_choices()
        yield f".TP\n{names} \\fI{_meta(argument)}\\fR" if takes else f".TP\n{names}"
        default = argument.field_info.default
        told = not argument.required and default not in (None, False, "", inspect.Parameter.empty)
        given = argument.parameter.group
        groups = [group.name for group in (given if isinstance(given, tuple) else ()) if isinstance(group, Group)]
        before = "".join(f"{group}: " for group in groups if group not in ("Arguments", "Parameters"))  # cyclopts' own
        yield _text(f"{before}{argument.parameter.help or ''}{f' (default: {default})' if told else ''}")


def _meta(option: Any) -> str:
    """What an option takes: its choices, or its name."""
    choices = option.get_choices()
    return _text("|".join(choices)) if choices else _text(option.names[0].lstrip("-").upper())


def _tagged(meanings: dict[str, str]) -> Iterator[str]:
    for name, meaning in meanings.items():
        yield f".TP\n.B {_text(name)}\n{_text(meaning)}"


def _example(what: str, lines: list[str]) -> Iterator[str]:
    yield f".TP\n{_text(what)}:\n.nf"
    yield from (_text(line) for line in lines)
    yield ".fi"


def _text(text: str) -> str:
    """A line of text, with `code` in bold, as roff: nothing in it is a request."""
    plain = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    plain = re.sub(r"`([^`]+)`", r"\\fB\1\\fR", plain)
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain

"""The card of a model: plain tables, written as TOML for people and read back by `tomllib`."""

import json
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isgan.errors import IsganError


def read_card(path: Path) -> dict[str, Any]:
    """The tables of a card file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise IsganError(f"cannot read the card '{path}': {error.strerror}; get the model again, with its card") from error
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError
        raise IsganError(f"the card '{path}' is not TOML ({error}): get the model again") from error


def training(card: Mapping[str, Any]) -> str:
    """How long a model was trained, and on what: all runs on its card, each until the weights it left; empty if the card does not tell."""
    runs: list[Mapping[str, Any]] = []
    while card:
        runs.append(card)
        card = card.get("initial", {})
    if not any("hours" in run for run in runs):
        return ""
    hours, steps = (sum(run.get(key, 0) for run in runs) for key in ("hours", "steps"))
    devices = dict.fromkeys(run["device"] for run in runs if "device" in run)
    return ", ".join([f"{60 * hours:.0f} min", f"{steps} steps", *devices])


def to_toml(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """Nested tables of strings, numbers, booleans and lists of these as TOML that `tomllib` reads back unchanged."""
    lines = [f"[{'.'.join(map(_key, path))}]"] if path else []
    lines += [f"{_key(key)} = {_value(value)}" for key, value in table.items() if not isinstance(value, Mapping)]
    text = "\n".join(lines) + "\n"
    return text + "".join("\n" + to_toml(below, (*path, key)) for key, below in table.items() if isinstance(below, Mapping))


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _string(name)


def _value(value: Any) -> str:
    match value:
        case bool() | int():
            return json.dumps(value)
        case float():
            return repr(value) if math.isfinite(value) else str(value)  # inf and nan are TOML
        case str():
            return _string(value)
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
    raise TypeError(f"a card holds no {type(value).__name__}: {value!r}")


def _string(text: str) -> str:
    # JSON's escapes are TOML's too, but for surrogate pairs (not made here) and DEL (not escaped there).
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

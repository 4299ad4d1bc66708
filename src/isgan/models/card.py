"""The card of a model: plain tables, written as TOML for people and read back by `tomllib`.

scheme = "neural"              # or "embedding"; then the scheme's parts, by the names that its constructor takes
hider = "qim"
licence = "..."

[[runs]]                       # of training, from the first to the one that made these weights
steps = 8353
[runs.recipe]

[scores."cc test"]
"""

import json
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isgan.errors import IsganError

SCHEMES = ("embedding", "neural")


def read_card(path: Path) -> dict[str, Any]:
    """The tables of a card file; `IsganError` if they are not those of a model."""
    try:
        card = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise IsganError(
            f"cannot read the card '{path}': {error.strerror}; get the model again, with its card"
        ) from error
    except (ValueError, RecursionError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise IsganError(f"the card '{path}' is not TOML ({error}): get the model again") from error
    kinds = {"runs": list, "scores": dict, "licence": str, "sha256": str, "hider": str, "parameters": int}
    wrong = [key for key, kind in kinds.items() if key in card and not isinstance(card[key], kind)]
    if card.get("scheme") not in SCHEMES:
        raise IsganError(f"the card '{path}' says no scheme, '{SCHEMES[0]}' or '{SCHEMES[1]}': get the model again")
    if wrong or not all(isinstance(run, dict) for run in card.get("runs", [])):
        raise IsganError(f"the card '{path}' has no valid {wrong[0] if wrong else 'runs'}: get the model again")
    return card


def training(card: Mapping[str, Any]) -> str:
    """How long a model was trained, in all its runs, and on what; empty if the card does not tell."""
    runs = card.get("runs", [])
    if not any("hours" in run for run in runs):
        return ""
    hours, steps = (sum(run.get(key, 0) for run in runs) for key in ("hours", "steps"))
    devices = dict.fromkeys(run["device"] for run in runs if "device" in run)
    return ", ".join([f"{60 * hours:.0f} min", f"{steps} steps", *devices])


def to_toml(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """Nested tables of strings, numbers, booleans, lists of these and lists of tables as TOML that `tomllib` reads back
    unchanged."""
    plain = {key: value for key, value in table.items() if not _is_nested(value)}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    parts = ["".join(f"{line}\n" for line in lines)] if lines else []
    for key, below in table.items():
        inside = (*path, key)
        name = ".".join(map(_key, inside))
        if isinstance(below, Mapping):
            written = to_toml(below, inside)
            parts.append(written if written.startswith("[") else f"[{name}]\n{written}")
        elif _is_nested(below):
            parts += [f"[[{name}]]\n{to_toml(item, inside)}" for item in below]
    return "\n".join(parts)


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value)
    )


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

"""What a run needs to go on: written whole or not at all, read without unpickling code."""

from pathlib import Path
from typing import Any

import torch

from isgan.errors import IsganError


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Writes tensors and plain values to `path`, through a temporary file, so that a kill leaves the old or the new one."""
    temporary = path.with_suffix(".tmp")
    try:
        torch.save(state, temporary)
        temporary.replace(path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        temporary.unlink(missing_ok=True)
        raise IsganError(f"cannot write {path}: {error}; make room and go on with --resume") from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What `save_checkpoint` wrote; `IsganError` if there is none or it cannot be read."""
    if not path.is_file():
        raise IsganError(f"nothing to resume: there is no {path}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict) or "step" not in state:
            raise ValueError(state)
        return state
    except Exception as error:
        raise IsganError(f"{path} is not a checkpoint of isgan: start again without --resume") from error

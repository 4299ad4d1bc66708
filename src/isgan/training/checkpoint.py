"""What a run needs to go on: written whole or not at all, read without unpickling code."""

import io
from pathlib import Path
from typing import Any

import torch

from isgan.errors import IsganError
from isgan.files import write_file


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Writes tensors and plain values to `path`; a kill leaves the old file or the new one."""
    data = io.BytesIO()
    torch.save(state, data)
    write_file(path, data.getvalue(), force=True, remedy="make room and go on with --resume")


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

"""What tests of models and commands share: a small network's weights file and a few pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from isgan import models
from isgan.hiders.qim import Qim
from isgan.hiders.wavelet import Wavelet

torch.set_num_threads(1)


def scene(height: int, width: int, seed: int = 0) -> np.ndarray:
    """(height, width, 3) uint8: slopes and noise, away from black and white."""
    y, x = np.mgrid[0:height, 0:width]
    smooth = np.stack([60 + 100 * x / width, 60 + 100 * y / height, 60 + 50 * (x / width + y / height)], axis=-1)
    return (smooth + np.random.default_rng(seed).integers(0, 40, smooth.shape)).astype(np.uint8)


def stirred(hider: torch.nn.Module) -> torch.nn.Module:
    """The hider with weights and statistics that all matter: as built, the last layers are zero and hide nothing."""
    torch.manual_seed(1)
    for tensor in hider.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5) if tensor.ndim == 1 else tensor.normal_(std=tensor[0].numel() ** -0.5)
    return hider


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """Weights of a small `wavelet` that was never trained, with a card."""
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    models.save(stirred(Wavelet(blocks=1, hidden=8)), path, {"licence": "MIT"})
    return path


@pytest.fixture(scope="session")
def dial(tmp_path_factory) -> Path:
    """Weights of a small `qim` with a dial that was never trained, with a card."""
    path = tmp_path_factory.mktemp("dial") / "dial.safetensors"
    models.save(stirred(Qim(hidden=8, blocks=1)), path, {})
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with cover.png, 64 x 48, and secret.png, 40 x 40."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(scene(48, 64)).save("cover.png")
    Image.fromarray(scene(40, 40, seed=1)).convert("L").save("secret.png")
    return tmp_path

"""Photographs and a detector for tests of the audit."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import scene
from PIL import Image

from isgan.covers.base import Cover
from isgan.covers.png import PngCover
from isgan.datasets.photographs import Photo
from isgan.detectors import detectors
from isgan.detectors.base import Budget, Detector, Pairs
from isgan.evaluation.audit.photographs import PNG, Material
from isgan.evaluation.stegos import Method


class Brightness(Detector):
    """Says "stego" of bright pictures, however it is trained; takes note of what it was given."""

    covers = ("png", "jpeg")
    trained = True
    seconds = 0.0
    note = "for tests"
    seen: list[tuple[set[bytes], set[bytes], set[bytes]]] = []  # noqa: RUF012

    def learn(self, train: Pairs, val: Pairs, budget: Budget, progress: Callable[[float], None]) -> None:
        self.known = tuple({cover.pixels().tobytes() for cover in pairs.covers} for pairs in (train, val))

    def scores(self, covers: Sequence[Cover]) -> np.ndarray:
        tested = {cover.pixels().tobytes() for cover in covers}
        if hasattr(self, "threshold"):
            Brightness.seen.append((*self.known, tested))
        return np.array([cover.pixels().mean() for cover in covers])


@pytest.fixture
def brightness(monkeypatch) -> type[Brightness]:
    detectors.names()
    monkeypatch.setitem(detectors._parts, "brightness", Brightness)
    monkeypatch.setattr(Brightness, "seen", [])
    return Brightness


def brighter(photo: Photo, _secret: Photo, number: int) -> PngCover:
    """By one level in every second picture, else by none."""
    return PngCover(photo.pixels + np.uint8(number % 2))


BRIGHTER = Method("print", brighter)


@pytest.fixture(scope="session")
def material() -> Material:
    """30 pairs from two sources."""
    photos = [Photo(f"a/{seed}.png", scene(64, 64, seed)) for seed in range(60)]
    return Material(PNG, list(zip(photos[:30], photos[30:], strict=True)), ["a", "b"] * 15)


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory) -> Callable[..., Path]:
    """A folder of pictures, by name: count, side and seed."""
    home = tmp_path_factory.mktemp("audited")

    def make(name: str, count: int, side: int = 64, seed: int = 0, suffix: str = ".png") -> Path:
        folder = home / name
        folder.mkdir()
        for number in range(count):
            Image.fromarray(scene(side, side, seed + number)).save(folder / f"{number:03}{suffix}")
        return folder

    return make

"""Detectors on files: they find what is hidden, are kept, and refuse what is no pair."""

import numpy as np
import pytest
import torch
from conftest import scene

from isgan.detectors.base import Budget, Pairs
from isgan.detectors.network import NetworkDetector, of_network
from isgan.errors import IsganError
from isgan.training.detecting import DetectingTask


class Picture:
    """What a detector looks at of a cover."""

    def __init__(self, array: np.ndarray):
        self.array = array

    def pixels(self) -> np.ndarray:
        return self.array


def pairs(count: int, first: int = 0) -> Pairs:
    """Smooth scenes, and the same with noise that any detector has to find."""
    rng = np.random.default_rng(first)
    covers = [scene(64, 64, 100 * first + number) for number in range(count)]
    stegos = [(cover + rng.integers(-40, 41, cover.shape)).clip(0, 255).astype(np.uint8) for cover in covers]
    return Pairs([Picture(cover) for cover in covers], [Picture(stego) for stego in stegos])


@pytest.fixture(scope="module")
def detector() -> NetworkDetector:
    detector = of_network("xunet")(seed=2)
    detector.fit(pairs(16), pairs(6, 1), Budget(steps=40))
    return detector


def test_it_finds_what_is_hidden(detector):
    fresh = pairs(8, 2)
    assert (detector.scores(fresh.covers) <= detector.threshold).mean() > 0.8
    assert (detector.scores(fresh.stegos) > detector.threshold).mean() > 0.8
    assert detector.steps == 40 and detector.training_seconds > 0


def test_the_weights_that_are_kept_are_chosen_by_the_validation_pairs(monkeypatch):
    train, val, given = pairs(8), pairs(4, 1), []
    monkeypatch.setattr(DetectingTask, "validate", lambda task, *_: given.append((len(task.train[0]), *map(len, task.val))))
    of_network("xunet")().fit(train, val, Budget(steps=1))
    assert set(given) == {(8, 4, 4)}


def test_a_budget_of_minutes():
    detector, heard = of_network("xunet")(), []
    detector.fit(pairs(4), pairs(2, 1), Budget(minutes=0.005), heard.append)
    assert heard[-1] == 1 and heard == sorted(heard) and 0.3 <= detector.training_seconds < 5


def test_it_is_kept(detector, tmp_path):
    detector.save(tmp_path / "d.safetensors")
    again = of_network("xunet").load(tmp_path / "d.safetensors")
    fresh = pairs(3, 5)
    assert np.allclose(again.scores(fresh.covers), detector.scores(fresh.covers), atol=1e-5)
    assert (again.threshold, again.steps, again.training_seconds) == (detector.threshold, detector.steps, detector.training_seconds)


@pytest.mark.parametrize("data", [b"", b"nonsense"])
def test_files_that_are_no_detector(detector, tmp_path, data):
    (tmp_path / "d.safetensors").write_bytes(data)
    with pytest.raises(IsganError, match="is not a detector of this version: delete it"):
        of_network("xunet").load(tmp_path / "d.safetensors")
    detector.save(tmp_path / "d.safetensors")
    with pytest.raises(IsganError, match="is not a detector of this version"):
        of_network("isgan").load(tmp_path / "d.safetensors")


def test_what_is_refused():
    whole, one = pairs(4), pairs(1)
    for train, val in ((one, whole), (whole, one), (Pairs(whole.covers, whole.stegos[:3]), whole)):
        with pytest.raises(IsganError, match="at least 2 covers and as many stego images"):
            of_network("xunet")().fit(train, val, Budget(steps=1))
    with pytest.raises(IsganError, match="needs minutes or steps"):
        of_network("xunet")().fit(whole, whole, Budget())
    with pytest.raises(IsganError, match="did you mean 'xunet'"):
        of_network("xunett")


def test_gray_files_are_seen_as_three_equal_channels():
    gray = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    seen = of_network("xunet")().views([Picture(gray), Picture(np.stack([gray] * 3, axis=2))])
    assert seen.shape == (2, 3, 64, 64) and seen.dtype == torch.uint8 and torch.equal(seen[0], seen[1])


def test_pairs_are_taken_by_place():
    four = pairs(4)
    taken = four.take(np.array([3, 0]))
    assert list(taken.covers) == [four.covers[3], four.covers[0]] and list(taken.stegos) == [four.stegos[3], four.stegos[0]]
    assert list(taken.covers[1:]) == [four.covers[0]] and len(taken.stegos) == 2

"""The search for a level: right at every level, and few encodings."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from isgan.codecs import codecs
from isgan.codecs.base import EXACT, Codec, Estimate, best, fewest
from isgan.codecs.lossless import Lossless
from isgan.metrics import pictures

PICTURE = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
PHOTO = np.asarray(Image.open(Path(__file__).parents[2] / "examples/secrets/temple.png").convert("L"))[:128, :128]


class Rounding(Codec[np.ndarray]):
    """Zeroes low bits: `levels` of any number, sizes of any growth, and a sketch that is a little off."""

    number, suffix = 255, ""

    def __init__(self, sizes: list[int], sketched: bool):
        self.sizes, self.sketched = sizes, sketched
        self.levels = range(10, 10 + len(sizes))
        self.packed: list[int] = []

    def pack(self, picture, level):
        self.packed.append(level)
        return level.to_bytes(1, "big") + bytes(self.sizes[level - 10] - 1)

    def sketch(self, picture, level):
        return max(level - 1, 10).to_bytes(1, "big") + bytes(self.sizes[level - 10] + 3) if self.sketched else None

    def decode(self, data):
        step = max(1, 60 - 60 * (data[0] - 10) // max(1, len(self.levels)))
        return (PICTURE // step * step).astype(np.uint8)


growing = st.lists(st.integers(1, 400), min_size=1, max_size=40).map(lambda steps: np.cumsum(steps).tolist())


@settings(max_examples=200, deadline=None)
@given(growing, st.booleans(), st.integers(-5, 9000), st.one_of(st.none(), st.floats(5, 60)))
def test_best_against_all_levels(sizes, sketched, room, psnr):
    codec = Rounding(sizes, sketched)
    found = best(codec, PICTURE, room, psnr)
    assert len(codec.packed) == len(set(codec.packed))
    fitting = [score for size, score in every(codec) if size <= room]
    if not fitting:
        assert found is None
        return
    enough = [score for score in fitting if psnr is not None and score >= psnr]
    wanted = fitting.index(enough[0]) if enough else len(fitting) - 1
    assert len(found.data) <= room
    # A sketch may mislead by a level, but no more.
    assert abs(fitting.index(found.psnr) - wanted) <= sketched


@settings(max_examples=200, deadline=None)
@given(growing, st.booleans(), st.floats(5, 60))
def test_fewest_against_all_levels(sizes, sketched, psnr):
    codec = Rounding(sizes, sketched)
    found = fewest(codec, PICTURE, psnr)
    scores = [score for _, score in every(codec)]
    wanted = next((number for number, score in enumerate(scores) if score >= psnr), scores.index(scores[-1]))
    assert found.psnr >= min(psnr, scores[-1])
    assert 0 <= scores.index(found.psnr) - wanted <= sketched


class Misled(Rounding):
    """A sketch that is five levels off."""

    def sketch(self, picture, level):
        return max(level - 5, 10).to_bytes(1, "big") + bytes(self.sizes[level - 10] + 3)


@settings(max_examples=100, deadline=None)
@given(growing, st.floats(5, 60))
def test_fewest_is_right_where_sketches_mislead(sizes, psnr):
    codec = Misled(sizes, True)
    found = fewest(codec, PICTURE, psnr)
    scores = [score for _, score in every(codec)]
    assert found.psnr >= min(psnr, scores[-1])
    before = scores.index(found.psnr) - 1
    assert found.psnr <= psnr + 0.5 or before < 0 or scores[before] < psnr


def every(codec):
    """Bytes and PSNR of each level."""
    made = []
    for level in codec.levels:
        data = codec.pack(PICTURE, level)
        error = np.square(codec.decode(data).astype(float) - PICTURE).mean()
        made.append((len(data), 10 * math.log10(255**2 / error) if error else math.inf))
    return made


@pytest.mark.parametrize("name", ["avif", "webp", "jpeg2000"])
def test_photographs_take_few_encodings(name, monkeypatch):
    codec = codecs[name]()
    counted = []
    for way in ("pack", "sketch"):
        work = getattr(codec, way)
        monkeypatch.setattr(
            codec, way, lambda picture, level, way=way, work=work: (counted.append(way), work(picture, level))[1]
        )
    slow = 4 if name == "avif" else 12  # two at a time
    for psnr in (30.0, 36.0, 42.0):
        counted.clear()
        made = fewest(codec, PHOTO, psnr)
        assert psnr <= made.psnr < psnr + 0.8
        assert counted.count("pack") <= slow and counted.count("sketch") <= 12
        counted.clear()
        within = best(codec, PHOTO, len(made.data), None)
        assert len(within.data) <= len(made.data) and within.psnr >= made.psnr - 0.8
        assert counted.count("pack") <= slow


def test_a_codec_without_loss():
    assert best(Lossless(), PHOTO, 10**6, 40.0).psnr == math.inf
    assert best(Lossless(), PHOTO, 100, 40.0) is None
    assert fewest(Lossless(), PHOTO, 40.0).psnr == math.inf


@pytest.mark.parametrize("psnr", [58.0, 60.0, 90.0])
def test_a_quality_that_only_an_exact_picture_has(psnr):
    made = fewest(codecs["avif"](), PHOTO, psnr)
    assert made.psnr == math.inf or made.psnr >= psnr


@pytest.mark.parametrize("name", ["butterfly", "church", "temple"])
def test_avif_foresees_what_its_slow_speed_makes(name):
    """Within a level, which is worth six in a hundred bytes and half a decibel, of photographs that it was not fitted to."""
    codec = codecs["avif"]()
    photo = np.asarray(Image.open(Path(__file__).parents[2] / f"examples/secrets/{name}.png").convert("L"))
    data = codec.sketch(photo, 27), codec.pack(photo, 27)
    sketch, made = (Estimate(len(each), pictures.psnr(codec.decode(each), photo)) for each in data)
    foreseen = codec.foreseen(27, sketch)
    assert abs(foreseen.size / made.size - 1) < 0.06
    assert abs(foreseen.psnr - made.psnr) < 0.5 < made.psnr - sketch.psnr
    exact = Estimate(3000, EXACT)
    assert codec.foreseen(63, exact) == exact

"""Photographs are read one after another, and files that cannot be used are named."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isgan.datasets.photographs import decoded
from isgan.errors import IsganError
from isgan.training.pairs import load_photographs


def picture(path: Path, size: tuple[int, int] = (40, 32), mode: str = "RGB", **save) -> Path:
    """A real picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(noise).convert(mode).save(path, **save)
    return path


def bad_files(root: Path) -> dict[Path, str]:
    """Files that cannot be used, each with a word of the reason that must be given."""
    truncated = picture(root / "truncated.png", (64, 64))
    truncated.write_bytes(truncated.read_bytes()[:-600])
    empty = root / "empty.png"
    empty.write_bytes(b"\0")
    floating = root / "floating.tif"
    Image.fromarray(np.zeros((40, 40), np.float32)).save(floating)
    return {
        truncated: "",
        empty: "",
        picture(root / "small.png", (200, 31)): "32",
        floating: "32 bits",
        root / "gone.png": "",
    }


def test_loading_names_each_bad_file_and_counts(tmp_path):
    good = [picture(tmp_path / "train" / f"good.{suffix}") for suffix in ("png", "jpg", "webp", "bmp", "tif")]
    bad = bad_files(tmp_path / "train")
    steps = []
    found = load_photographs([tmp_path], "train", progress=lambda done, total: steps.append((done, total)))
    assert [photograph.shape for photograph in found.sets[tmp_path.name]] == [(3, 32, 40)] * len(good)
    assert {path for path, _ in found.skipped} == {path for path in bad if path.exists()}
    assert all(reason and "\n" not in reason and bad[path] in reason for path, reason in found.skipped)
    assert steps == [(done, 9) for done in range(1, 10)]


def test_decoded_gives_the_pixels_lazily_and_in_order(tmp_path):
    first, second = picture(tmp_path / "b.png", (40, 32)), picture(tmp_path / "a.png", (32, 50))
    stream = decoded(iter([first, tmp_path / "gone.png", second]))
    path, pixels = next(stream)
    assert path == first and pixels.shape == (32, 40, 3) and pixels.dtype == np.uint8
    assert (pixels == np.asarray(Image.open(first))).all()
    assert isinstance(next(stream)[1], str)
    second.unlink()  # not opened before it is asked for
    assert isinstance(next(stream)[1], str)


def test_loading_refuses_when_nothing_can_be_used(tmp_path):
    bad_files(tmp_path / "train")
    with pytest.raises(IsganError, match=r"none of the 4 train files .*can be used, first: .*empty\.png"):
        load_photographs([tmp_path], "train")

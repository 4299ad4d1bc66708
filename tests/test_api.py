"""The Python API: paths, Pillow images and arrays in, Pillow images out."""

import inspect
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from conftest import scene
from PIL import Image

import isgan
from isgan import models, steganographer
from isgan.commands.hide import hide as hide_command


def test_importing_is_cheap():
    code = "import isgan, sys; sys.exit(bool({'torch', 'numpy', 'PIL'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_hide_and_reveal_without_files():
    cover, secret = scene(45, 51), scene(45, 51, seed=1)[..., 0]
    stego = isgan.hide(cover, secret, model="lsb332")
    assert stego.mode == "RGB" and stego.size == (51, 45)
    revealed = isgan.reveal(stego, model="lsb332")
    assert revealed.mode == "L" and np.array_equal(revealed, secret)
    assert np.array_equal(isgan.hide(Image.fromarray(cover), Image.fromarray(secret), model="lsb332"), stego)


def test_hide_and_reveal_with_files(folder):
    stego = isgan.hide("cover.png", Path("secret.png"), "stego.png", model="lsb332", fit="pad")
    revealed = isgan.reveal("stego.png", "revealed.png", model="lsb332")
    assert np.array_equal(stego, Image.open("stego.png")) and np.array_equal(revealed, Image.open("revealed.png"))
    assert np.asarray(revealed)[:, :7].max() == 0  # 40 x 40 in 64 x 48 leaves bars of 8
    assert np.asarray(isgan.reveal(isgan.hide("cover.png", "secret.png", model="lsb332"), model="lsb332"))[:, :7].min() > 0


def test_files_are_guarded(folder):
    for output in ("stego.jpg", "cover.png"):
        with pytest.raises(isgan.IsganError):
            isgan.hide("cover.png", "secret.png", output, model="lsb332")
        with pytest.raises(isgan.IsganError):
            isgan.reveal("cover.png", output, model="lsb332", force=True)
    with pytest.raises(isgan.IsganError, match="under the minimum of 60"):
        isgan.hide("cover.png", "secret.png", "stego.png", model="lsb121", min_secret_psnr=60)
    isgan.hide("cover.png", "secret.png", "stego.png", model="lsb121")
    with pytest.raises(isgan.IsganError, match="exists"):
        isgan.hide("cover.png", "secret.png", "stego.png", model="lsb332")
    isgan.hide("cover.png", "secret.png", "stego.png", model="lsb332", force=True)


def test_a_loaded_model_hides_the_same(model):
    cover, secret = scene(40, 50), scene(40, 50, seed=1)[..., 0]
    loaded = isgan.load(model, tile=32)
    stego = loaded.hide(cover, secret)
    assert np.abs(np.asarray(isgan.hide(cover, secret, model=model), int) - stego).max() <= 1
    assert not np.array_equal(stego, cover)
    assert loaded.reveal(stego).shape == (40, 50)


def test_the_default_model(folder):
    """Small pictures, smooth cover: shipped weights are held to little here; `isgan evaluate` measures them."""
    y, x = np.mgrid[0:96, 0:128]
    cover = np.stack([80 + x / 2, 60 + y, 200 - x / 2], axis=-1).astype(np.uint8)
    secret = (60 + 100 * ((x - 64) ** 2 + (y - 48) ** 2 < 900)).astype(np.uint8)
    stego = isgan.hide(cover, secret, "stego.png")
    assert steganographer.compare(np.asarray(stego), cover).psnr > 25
    assert steganographer.compare(np.asarray(isgan.reveal("stego.png")), secret).psnr > 20


def test_names():
    assert isgan.names() == sorted([*models.names(), "lsb121", "lsb332"])


def test_one_set_of_defaults():
    """Written out where they are read, so that neither importing isgan nor --help imports numpy."""
    for function in (isgan.hide, hide_command):
        parameters = inspect.signature(function).parameters
        assert parameters["model"].default == models.DEFAULT
        assert parameters["min_secret_psnr"].default == steganographer.MIN_SECRET_PSNR
        assert get_args(parameters["fit"].annotation) == get_args(steganographer.Fit)
    assert inspect.signature(isgan.reveal).parameters["model"].default == models.DEFAULT


def test_version():
    assert isgan.__version__ == version("isgan")

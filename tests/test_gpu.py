"""What only a GPU can show: it trains and resumes, and what it hides and reveals is what the CPU does."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import scene
from PIL import Image

from isgan import models
from isgan.covers.png import PngCover
from isgan.detectors import detectors
from isgan.detectors.base import Budget, Pairs
from isgan.detectors.network import device
from isgan.key import Key
from isgan.options import Options
from isgan.picture import read_rgb
from isgan.schemes.neural import Neural
from isgan.secret import Secret
from isgan.training.pairs import TrainingPairs
from isgan.training.recipe import read_recipe
from isgan.training.run import run

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that CUDA knows")
RECIPES = Path(__file__).parents[1] / "recipes"


def test_the_same_crops():
    photographs = {"a": [torch.from_numpy(scene(70 + k, 90, k)).permute(2, 0, 1) for k in range(6)]}
    cut, gathered = (TrainingPairs(photographs, 32, 2, 3) for _ in range(2))
    gathered.pack(torch.device("cuda"))
    for step in range(5):
        for mine, theirs in zip(cut[step], gathered[step], strict=True):
            assert theirs.is_cuda
            difference = 255 * (mine - theirs.cpu()).abs()  # a luma near a half may be rounded either way
            assert difference.max() < 1.01 and difference.mean() < 0.01


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
def test_training_and_resuming(tmp_path, precision):
    for split in ("train", "val"):
        (tmp_path / "photos" / split).mkdir(parents=True)
        for k in range(8):
            Image.fromarray(scene(100, 120, k)).save(tmp_path / "photos" / split / f"{k}.png")
    tables = {"precision": precision, "hider": {"hidden": 8}, "schedule": {"steps": 2, "minutes": 0.0}, "photos": {"validation": 2}}
    run(read_recipe(RECIPES / "qim.toml", tables), [tmp_path / "photos"], tmp_path / "run", accelerator="gpu")
    tables["schedule"]["steps"] = 4
    file = run(read_recipe(RECIPES / "qim.toml", tables), [tmp_path / "photos"], tmp_path / "run", accelerator="gpu", resume=True)
    (trained,) = models.card(file)["runs"]
    assert (trained["device"], trained["steps"]) == ("cuda", 4)
    assert {parameter.device.type for parameter in models.hider(file).parameters()} == {"cpu"}


def test_hiding_in_batches_what_the_cpu_reveals():
    examples = Path(__file__).parents[1] / "examples"
    picture, secret = (read_rgb(examples / name) for name in ("covers/canal.png", "secrets/church.png"))
    cover, secret = PngCover(np.tile(picture, (2, 2, 1))), np.tile(secret[..., 1], (2, 2))
    key, options = Key("of a test", cover.salt()), Options(model="qim", strength=6)
    on_cpu, on_gpu = Neural(models.hider("qim")), Neural(models.hider("qim").to("cuda"), tile=128, batch=4)
    stegos = [scheme.hide(cover, Secret(secret), key, options).stego for scheme in (on_gpu, on_cpu)]
    revealed, alone = (on_cpu.reveal(stego, key).picture.astype(float) for stego in stegos)
    assert np.square(revealed - secret).mean() < 1.01 * np.square(alone - secret).mean()
    assert np.abs(on_gpu.reveal(stegos[0], key).picture - revealed).max() <= 1


def test_a_detector_learns_on_it_and_says_so(tmp_path):
    covers = [PngCover(scene(256, 256, seed)) for seed in range(12)]
    pairs = Pairs(covers, [PngCover(cover.pixels() ^ np.uint8(1)) for cover in covers])
    detector = detectors["srnet"](seed=1)
    detector.fit(pairs.take(np.arange(8)), pairs.take(np.arange(8, 12)), Budget(steps=3))
    detector.save(tmp_path / "detector.safetensors")
    again = detectors["srnet"].load(tmp_path / "detector.safetensors")
    np.testing.assert_allclose(again.scores(covers), detector.scores(covers), atol=1e-2)
    assert detector.steps == 3 and device() == torch.cuda.get_device_name()

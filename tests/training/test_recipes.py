"""The recipes and the printed numbers against the paper, typed here once more from its tables and text."""

import dataclasses
import tomllib
from pathlib import Path

import pytest
import torch
from conftest import scene
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from isgan import models
from isgan.detectors.networks import networks
from isgan.evaluation.paper.report import page
from isgan.hiders import hiders
from isgan.losses import losses
from isgan.training.loop import learning_rate
from isgan.training.recipe import Recipe, build_part, read_recipe, recipe_from
from isgan.training.run import run

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    """The paper's."""
    return read_recipe(RECIPES / "paper.toml")


# ---------------------------------------------------------------------- recipes


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_part_can_be_built(path):
    recipe = read_recipe(path)
    assert recipe_from(recipe.to_dict()) == recipe
    hider = build_part(hiders, recipe.hider)
    assert hider.trainable and isinstance(build_part(losses, recipe.loss), nn.Module)
    for table in recipe.steganalyzers:
        steganalyzer = build_part(networks, table)
        assert recipe.photos.crop - 3 * recipe.photos.ragged >= steganalyzer.least
        cover, secret = torch.rand(2, 1, 3, 32, 32).unbind()
        assert hider.train()(cover, secret[:, :1]).stego.requires_grad  # or it could not be taught
    # What the file says is in the recipe: nothing is renamed or dropped on the way.
    for section, table in tomllib.loads(path.read_text(encoding="utf-8")).items():
        values = getattr(recipe, section)
        if isinstance(table, dict):
            values = dict(values) if isinstance(values, dict) else dataclasses.asdict(values)
            assert table.items() <= values.items(), section
        else:
            assert values == table


@pytest.mark.parametrize("name", ["basic", "isgan", "atique", "baluja"])
def test_the_recipes_of_the_shipped_weights_run(name, tmp_path):
    """From the shipped weights, on a few small photographs: two steps of small crops and two of the larger ones."""
    for split in ("train", "val"):
        (tmp_path / "soft" / split).mkdir(parents=True)
        for number in range(4):
            Image.fromarray(scene(80, 80, number + 10 * (split == "val"))).save(tmp_path / "soft" / split / f"{number}.png")
    small = {"crop": 64, "batch": 1, "late": 0.5, "late_crop": 72, "late_batch": 1, "share": 1.0, "validation": 1}
    plan = read_recipe(RECIPES / f"{name}.toml", {"photos": small, "schedule": {"steps": 4, "validations": 1}})
    weights = run(plan, [tmp_path / "soft"], tmp_path / "run", initial=name, threads=1, accelerator="cpu")
    trained, shipped = (load_file(path) for path in (weights, models.find(name)))
    assert trained.keys() == shipped.keys()
    moved = {key for key in trained if not torch.equal(trained[key], shipped[key].to(trained[key].dtype))}
    norms = {key for key in trained if "running" in key or "tracked" in key}
    assert moved and not moved & norms
    assert models.card(weights)["runs"][-1]["recipe"]["loss"]["decibel"] == plan.loss["decibel"]


def test_the_papers_networks_and_loss(recipe: Recipe):
    assert recipe.hider == {"name": "isgan", "residual": 0.0} and recipe.steganalyzer == {"name": "isgan"}
    assert recipe.loss["name"] == "mixed"
    loss = build_part(losses, recipe.loss)
    assert (loss.alpha, loss.beta, loss.gamma, loss.structure) == (0.5, 0.3, 0.85, 1.0)


def test_the_papers_training(recipe: Recipe):
    """Its text: Adam, 1e-4, batches of 4, 150 epochs of 5,000 pairs of 256 x 256; its authors' code: betas and weight decay."""
    assert dataclasses.asdict(recipe.optimizer) == {
        "lr": 1e-4, "beta1": 0.5, "beta2": 0.999, "weight_decay": 5e-3, "clip": 0.0, "freeze_norm": False,
    }  # fmt: skip
    assert recipe.precision == "32-true"
    photos, schedule = recipe.photos, recipe.schedule
    assert (photos.side, photos.crop, photos.batch, photos.ragged, photos.share) == (256, 256, 4, False, 0.5)
    assert schedule.steps * photos.batch == 150 * 5_000
    assert (schedule.minutes, schedule.warmup, schedule.ema, schedule.final) == (0.0, 0, 0.0, 0.0)
    assert recipe.seed == 0


def test_the_papers_learning_rate(recipe: Recipe):
    """1e-4 for 20 of 150 epochs, then lower and lower."""
    rates = [learning_rate(recipe.optimizer, recipe.schedule, int(epoch * 1250), epoch / 150) for epoch in (0, 10, 19.9, 21, 60, 149, 150)]
    assert rates[:3] == pytest.approx([1e-4] * 3, rel=1e-9)
    assert rates[3:] == sorted(set(rates[3:]), reverse=True) and 0.99e-4 < rates[3] < 1e-4 and rates[-1] == pytest.approx(0, abs=1e-12)


def test_the_papers_game(recipe: Recipe):
    """Its text: flipped labels, SGD, L2 regularisation; its authors' code: the numbers."""
    assert dataclasses.asdict(recipe.adversarial) == {
        "weight": 1.0, "start": 0, "ramp": 0, "flipped": True, "optimizer": "sgd", "lr": 3.3e-5, "momentum": 0.0, "weight_decay": 5e-3,
        "every": 5, "smoothing": 0.0, "soft": 0.2, "flip": 0.0, "pool": 50,
    }  # fmt: skip


# ---------------------------------------------------------------------- what the paper printed

TABLE_4 = """
mse                27.97 .8592 26.30 .8391
ssim               21.71 .8877 22.76 .8466
mse+ssim           27.12 .8921 26.71 .8805
mse+ms-ssim        23.92 .8287 25.97 .8832
mse+ssim+ms-ssim   26.72 .9305 25.97 .9160
"""
# Model, covers, secrets; PSNR of both ends, SSIM of both ends.
TABLE_5 = """
atique lfw      lfw        33.7  39.9  .95   .
basic  lfw      lfw        34.28 33.53 .9529 .9453
isgan  lfw      lfw        34.63 33.63 .9573 .9429
atique imagenet imagenet   32.9  36.6  .96   .96
basic  imagenet imagenet   34.57 33.53 .9634 .9510
isgan  imagenet imagenet   34.89 33.42 .9681 .9474
atique voc      voc        33.7  35.9  .96   .95
basic  voc      voc        33.79 33.47 .9617 .9475
isgan  voc      voc        34.49 33.31 .9661 .9467
atique voc      lfw        33.8  37.7  .96   .95
basic  voc      lfw        33.85 37.68 .9612 .9503
isgan  voc      lfw        34.45 37.59 .9647 .9495
isgan  imagenet voc        34.57 36.58 .9652 .9495
"""
TABLE_6 = """
lfw      .8305 .8059 .7887 .7825
voc      .7953 .7690 .7560 .7438
imagenet .7814 .7655 .7462 .7360
"""


def typed(text: str, *columns: str) -> list[dict[str, str | float]]:
    """Rows with a name for each column; a dot is a number that is not printed."""
    rows = [dict(zip(columns, line.split(), strict=True)) for line in text.strip().splitlines()]
    return [{key: float(value) if "." in value else value for key, value in row.items() if value != "."} for row in rows]


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("table4", typed(TABLE_4, "loss", "stego_psnr", "stego_ssim", "secret_psnr", "secret_ssim")),
        ("table5", typed(TABLE_5, "model", "covers", "secrets", "stego_psnr", "secret_psnr", "stego_ssim", "secret_ssim")),
        ("table6", typed(TABLE_6, "set", "basic", "isgan_50", "isgan_100", "isgan_150")),
    ],
)
def test_the_papers_numbers(table, rows):
    printed = tomllib.loads((page.HERE / "paper.toml").read_text(encoding="utf-8"))
    assert printed.keys() == {"table4", "table5", "table6"}
    assert printed[table] == rows

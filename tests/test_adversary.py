"""Adversarial training (eq. 3-4): who learns from whom, what each trick does, and that a run resumes with its steganalyzer."""

import csv
import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import scene
from lightning.fabric import Fabric

from isgan.datasets.pairs import Photographs
from isgan.errors import IsganError
from isgan.training.adversary import Adversary
from isgan.training.checkpoint import load_checkpoint
from isgan.training.loop import CHECKPOINT, Trainer
from isgan.training.recipe import Recipe, recipe_from

RECIPE = {
    "hider": {"name": "wavelet", "blocks": 1, "hidden": 8},
    "loss": {"name": "mse"},
    "steganalyzer": {"name": "isgan"},
    "photos": {"crop": 64, "batch": 2, "ragged": False, "validation": 2},
    "schedule": {"steps": 6, "warmup": 0, "validate_every": 3, "save_every": 3},
}
PHOTOS = Photographs({"soft": [torch.from_numpy(scene(70, 66, seed)).permute(2, 0, 1).contiguous() for seed in range(8)]}, [])


def recipe(**options) -> Recipe:
    schedule = RECIPE["schedule"] | options.pop("schedule", {})
    return recipe_from({**RECIPE, "schedule": schedule, "adversarial": options})


@pytest.fixture(scope="module")
def fabric() -> Fabric:
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    return fabric


@pytest.fixture
def adversary(fabric):
    def build(**options) -> Adversary:
        torch.manual_seed(0)
        return Adversary(recipe(**options), 64, fabric)

    return build


def batch(count: int = 2, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Covers and, as stego images, the same with noise of some levels."""
    generator = torch.Generator().manual_seed(seed)
    covers = torch.stack([torch.from_numpy(scene(64, 64, seed + i)).permute(2, 0, 1) for i in range(count)]) / 255
    return covers, (covers + torch.randn(covers.shape, generator=generator) * 0.05).clamp(0, 1)


def test_the_weight_starts_and_rises(adversary):
    game = adversary(weight=0.4, start=10, ramp=4)
    assert [game.weight(step) for step in (0, 9, 10, 11, 13, 14, 1000)] == pytest.approx([0, 0, 0.1, 0.2, 0.4, 0.4, 0.4])
    assert adversary(weight=0.4, ramp=0).weight(0) == 0.4
    cover, stego = batch()
    assert game.term(cover, stego, 9) == 0


def test_the_term_teaches_the_hider_only(adversary):
    game = adversary(weight=1.0, ramp=0)
    cover, stego = batch()
    stego.requires_grad_()
    game.term(cover, stego, 0).backward()
    assert stego.grad.abs().sum() > 0
    assert all(parameter.grad is None and parameter.requires_grad for parameter in game.steganalyzer.parameters())


@pytest.mark.parametrize("flipped", [True, False])
def test_following_the_term_makes_the_steganalyzer_say_cover(adversary, flipped):
    game = adversary(weight=1.0, ramp=0, flipped=flipped)
    cover, stego = batch()
    stego.requires_grad_()
    game.term(cover, stego, 0).backward()
    with torch.no_grad():
        before = game._answers(cover, stego)[1].softmax(dim=1)[:, 0].mean()
        after = game._answers(cover, stego - 0.05 * stego.grad / stego.grad.norm())[1].softmax(dim=1)[:, 0].mean()
    assert after > before


def test_flipped_labels_are_the_non_saturating_term(adversary):
    """-log D(cover) of eq. 4 with flipped labels, log D(stego) without: values by hand."""
    cover, stego = batch()
    game = adversary(weight=0.5, ramp=0)
    logits = game._answers(cover, stego)[1].detach()
    likely = logits.softmax(dim=1)
    assert game.term(cover, stego, 0).item() == pytest.approx(0.5 * -likely[:, 0].log().mean().item(), rel=1e-4)
    game = adversary(weight=0.5, ramp=0, flipped=False)
    assert game.term(cover, stego, 0).item() == pytest.approx(0.5 * likely[:, 1].log().mean().item(), rel=1e-4)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_steganalyzer_learns(adversary, optimizer):
    game = adversary(optimizer=optimizer, lr=1e-2 if optimizer == "sgd" else 1e-3)
    assert type(game.optimizer).__name__.lower() == optimizer
    for step in range(30):
        game.learn(*batch(4, seed=4 * step), step)
    game.accuracies()
    game.learn(*batch(4, seed=999), 30)
    assert game.accuracies() == {"accuracy_cover": 1.0, "accuracy_stego": 1.0}
    assert all(map(math.isnan, game.accuracies().values()))


def test_the_hider_learns_nothing_from_the_steganalyzers_step(adversary):
    cover, stego = batch()
    stego.requires_grad_()
    adversary().learn(cover, stego, 0)
    assert stego.grad is None


def test_every_so_manieth_step(adversary):
    game = adversary(every=3)
    weights = [parameter.detach().clone() for parameter in game.steganalyzer.parameters()]

    def moved() -> bool:
        return any(not torch.equal(a, b) for a, b in zip(weights, game.steganalyzer.parameters(), strict=True))

    for step in (1, 2):
        game.learn(*batch(), step)
    assert not moved()
    game.learn(*batch(), 3)
    assert moved()


def test_labels(adversary):
    rng = np.random.default_rng(0)
    covers, stegos = adversary(smoothing=0.1)._labels(1000, rng)
    assert set(covers) == {0.9} and set(stegos) == {0.0}
    covers, stegos = adversary(smoothing=0.0, soft=0.2)._labels(1000, rng)
    assert covers.min() == pytest.approx(0.8, abs=0.01) and covers.max() == 1 and (covers == 1).mean() == pytest.approx(0.5, abs=0.06)
    assert 0 <= stegos.min() < 0.01 and stegos.max() == pytest.approx(0.2, abs=0.01)
    covers, stegos = adversary(smoothing=0.0, flip=0.25)._labels(4000, rng)
    assert (covers == 0).mean() == pytest.approx(0.25, abs=0.03) and (stegos == 1).mean() == pytest.approx(0.25, abs=0.03)


def test_the_pool_shows_past_stego_images(adversary):
    game = adversary(pool=4)
    rng = np.random.default_rng(0)
    past = torch.arange(4).div(255).reshape(4, 1, 1, 1).expand(4, 3, 64, 64)
    assert torch.equal(game._from_pool(past, rng), past) and len(game.pool) == 4
    fresh = torch.full((8, 3, 64, 64), 200 / 255)
    seen = game._from_pool(fresh, rng)
    shown = [round(float(image[0, 0, 0] * 255)) for image in seen]
    assert 0 < sum(value < 4 for value in shown) < 8 and set(shown) - {0, 1, 2, 3, 200} == set()
    assert len(game.pool) == 4 and (game.pool == 200).any()
    # Images of another size are compared with cuts of past ones and not kept.
    small = game._from_pool(torch.full((8, 3, 62, 61), 100 / 255), rng)
    assert small.shape == (8, 3, 62, 61) and not (game.pool == 100).any()
    assert adversary(pool=0)._from_pool(fresh, rng) is fresh


def test_crops_have_to_be_large_enough(fabric):
    for photos in ({"crop": 48, "batch": 2, "ragged": False}, {"crop": 66, "batch": 2}):
        with pytest.raises(IsganError, match="crop 67"):
            Adversary(recipe_from({**RECIPE, "photos": photos}), photos["crop"], fabric)


# ---------------------------------------------------------------------- in the loop


@pytest.fixture
def trainer(tmp_path, fabric):
    def build(name: str, **options) -> Trainer:
        (tmp_path / name).mkdir(exist_ok=True)
        return Trainer(recipe(**options), PHOTOS, PHOTOS, tmp_path / name, fabric)

    return build


def state(folder: Path) -> dict:
    return {key: value for key, value in load_checkpoint(folder / CHECKPOINT).items() if key != "elapsed"}


def same(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


TRICKS = {"weight": 0.1, "ramp": 2, "pool": 3, "soft": 0.2, "flip": 0.2}


def test_a_stopped_run_goes_on_with_its_steganalyzer(trainer):
    whole = trainer("whole", **TRICKS)
    whole.fit()
    first = trainer("parts", **TRICKS)
    first.on_step = lambda step, *_: first._interrupt() if step == 4 else None
    first.fit()
    assert first.step == 4
    second = trainer("parts", **TRICKS)
    second.resume()
    second.fit()
    assert same(state(whole.folder), state(second.folder))
    assert len(state(whole.folder)["adversary"]["pool"]) == 3


def test_collapse_is_visible_in_the_log(trainer):
    run = trainer("run", **TRICKS)
    run.fit()
    with (run.folder / "validation.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    for row in rows:
        assert 0 <= float(row["accuracy_cover"]) <= 1 and 0 <= float(row["accuracy_stego"]) <= 1 and math.isfinite(float(row["loss"]))


def test_the_term_changes_the_hider(trainer):
    weights = []
    for name, weight in (("with", 1.0), ("without", 0.0)):
        run = trainer(name, weight=weight, ramp=0)
        run.fit()
        weights.append(torch.cat([parameter.detach().flatten() for parameter in run.hider.parameters()]))
    assert not torch.equal(*weights)


def test_the_newest_weights_are_kept(trainer):
    """The best picture is that of the first step, before the steganalyzer counts."""
    run = trainer("run", **TRICKS)
    run.best = math.inf
    run.fit()
    assert "steps = 6" in (run.folder / "weights.toml").read_text()


def test_a_recipe_without_a_steganalyzer_says_nothing_of_it():
    plain = recipe_from({key: value for key, value in RECIPE.items() if key != "steganalyzer"})
    assert not {"steganalyzer", "adversarial"} & plain.to_dict().keys()
    assert recipe_from(recipe(weight=0.1).to_dict()) == recipe(weight=0.1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimizer": "sdg"}, "did you mean 'sgd'"),
        ({"every": 0}, "every = 0"),
        ({"flip": 1.0}, "flip = 1.0"),
        ({"wieght": 1.0}, "did you mean 'weight'"),
    ],
)
def test_games_that_are_refused(options, words):
    with pytest.raises(IsganError, match=words):
        recipe(**options)


def test_a_steganalyzer_that_does_not_exist(fabric):
    plan = dataclasses.replace(recipe(), steganalyzer={"name": "xunnet"})
    with pytest.raises(IsganError, match="did you mean 'xunet'"):
        Adversary(plan, 64, fabric)

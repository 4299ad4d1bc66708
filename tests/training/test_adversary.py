"""Adversarial training (eq. 3-4): who learns from whom, what each trick does, and that a run resumes with its steganalyzers."""

import csv
import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import scene
from lightning.fabric import Fabric

from isgan import models
from isgan.detectors.networks import networks
from isgan.detectors.networks.base import COVER, STEGO
from isgan.errors import IsganError
from isgan.hiders import hiders
from isgan.training.adversary import Adversary
from isgan.training.checkpoint import load_checkpoint
from isgan.training.detecting import answers
from isgan.training.hiding import WEIGHTS, loop
from isgan.training.loop import CHECKPOINT, Loop
from isgan.training.pairs import Photographs
from isgan.training.recipe import Recipe, parse_value, read_recipe, recipe_from

RECIPE = {
    "hider": {"name": "wavelet", "blocks": 1, "hidden": 8},
    "loss": {"name": "mse"},
    "steganalyzer": {"name": "isgan"},
    "photos": {"crop": 64, "batch": 2, "ragged": False, "validation": 2},
    "schedule": {"steps": 6, "warmup": 0, "validate_every": 3, "save_every": 3},
}
PHOTOS = Photographs({"soft": [torch.from_numpy(scene(70, 66, seed)).permute(2, 0, 1).contiguous() for seed in range(8)]}, [])


def recipe(**options) -> Recipe:
    """The small recipe; the options are those of [adversarial], and tables that win over its own."""
    tables = {key: RECIPE.get(key, {}) | options.pop(key) for key in list(options) if isinstance(options[key], dict)}
    return recipe_from({**RECIPE, **tables, "adversarial": options})


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
    assert game.term(cover, stego.requires_grad_(), 9) == 0


def test_the_term_teaches_the_hider_only(adversary):
    game = adversary(weight=1.0, ramp=0)
    cover, stego = batch()
    stego.requires_grad_()
    game.term(cover, stego, 0).backward()
    assert stego.grad.abs().sum() > 0
    assert all(parameter.grad is None and parameter.requires_grad for parameter in game.steganalyzers[0].parameters())


@pytest.mark.parametrize("flipped", [True, False])
def test_following_the_term_makes_the_steganalyzer_say_cover(adversary, flipped):
    game = adversary(weight=1.0, ramp=0, flipped=flipped)
    cover, stego = batch()
    stego.requires_grad_()
    game.term(cover, stego, 0).backward()
    with torch.no_grad():
        before = answers(game.steganalyzers[0].train(), cover, stego)[1].softmax(dim=1)[:, 0].mean()
        after = answers(game.steganalyzers[0].train(), cover, stego - 0.05 * stego.grad / stego.grad.norm())[1].softmax(dim=1)[:, 0].mean()
    assert after > before


def test_flipped_labels_are_the_non_saturating_term(adversary):
    """-log D(cover) of eq. 4 with flipped labels, log D(stego) without: values by hand."""
    cover, stego = batch()
    stego.requires_grad_()
    game = adversary(weight=0.5, ramp=0)
    logits = answers(game.steganalyzers[0].train(), cover, stego)[1].detach()
    likely = logits.softmax(dim=1)
    assert game.term(cover, stego, 0).item() == pytest.approx(0.5 * -likely[:, 0].log().mean().item(), rel=1e-4)
    game = adversary(weight=0.5, ramp=0, flipped=False)
    assert game.term(cover, stego, 0).item() == pytest.approx(0.5 * likely[:, 1].log().mean().item(), rel=1e-4)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_steganalyzer_learns(adversary, optimizer):
    game = adversary(optimizer=optimizer, lr=1e-2 if optimizer == "sgd" else 1e-3)
    assert type(game.optimizers[0]).__name__.lower() == optimizer
    for step in range(30):
        game.learn(*batch(4, seed=4 * step), step)
    game.accuracies()
    game.learn(*batch(4, seed=999), 30)
    assert game.accuracies() == {"accuracy_cover": 1.0, "accuracy_stego": 1.0}
    assert all(map(math.isnan, game.accuracies().values()))


@pytest.mark.parametrize("step", [0, 20])
def test_a_hider_that_cannot_be_taught_is_refused_from_the_first_step(adversary, step):
    with pytest.raises(IsganError, match="no gradient"):
        adversary(start=10).term(*batch(), step)


@pytest.mark.parametrize("says", [COVER, STEGO])
def test_accuracies_are_of_covers_and_of_stego_images(adversary, says):
    """A steganalyzer that calls everything a cover is right of the covers."""
    game = adversary(every=5)
    with torch.no_grad():
        last = game.steganalyzers[0].layers[-1]
        last.weight.zero_()
        last.bias.copy_(torch.eye(2)[says])
    for step in (1, 2):
        game.learn(*batch(3), step)
    assert game.accuracies() == {"accuracy_cover": float(says == COVER), "accuracy_stego": float(says == STEGO)}


@pytest.mark.parametrize(
    "options",
    [{"optimizer": "sgd", "lr": 0.02, "momentum": 0.7, "weight_decay": 0.03}, {"optimizer": "adam", "lr": 0.004, "weight_decay": 0.05}],
)
def test_the_steganalyzers_optimizer_is_the_recipes(adversary, options):
    game = adversary(**options)
    (group,) = game.optimizers[0].param_groups
    assert {"optimizer": options["optimizer"]} | {key: group[key] for key in options if key != "optimizer"} == options
    assert group["params"] == list(game.steganalyzers[0].parameters())


def test_sgd_by_hand(adversary):
    """Two steps with momentum and L2 regularisation."""
    lr, momentum, decay = 0.02, 0.7, 0.03
    game = adversary(optimizer="sgd", lr=lr, momentum=momentum, weight_decay=decay)
    weight = game.steganalyzers[0].layers[-1].weight
    expected, velocity = weight.detach().clone(), 0
    for step in (0, 1):
        game.learn(*batch(seed=step), step)
        velocity = momentum * velocity + weight.grad + decay * expected
        expected = expected - lr * velocity
        assert torch.allclose(weight, expected, rtol=0, atol=1e-6)


def test_the_steganalyzer_learns_the_labels(adversary, monkeypatch):
    """The gradient is that of the cross-entropy of these probabilities, cover by cover and stego image by stego image."""
    game = adversary()
    monkeypatch.setattr(game, "_labels", lambda count, _: (np.array([0.9, 0.3]), np.array([0.0, 0.6])))
    cover, stego = batch()
    likely = torch.tensor([0.9, 0.3, 0.0, 0.6])
    told = torch.cat(answers(game.steganalyzers[0].train(), cover, stego)).log_softmax(dim=1)
    loss = -(likely * told[:, COVER] + (1 - likely) * told[:, STEGO]).mean()
    expected = torch.autograd.grad(loss, list(game.steganalyzers[0].parameters()))
    game.learn(cover, stego, 0)
    for parameter, gradient in zip(game.steganalyzers[0].parameters(), expected, strict=True):
        assert torch.allclose(parameter.grad, gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("autocast", [False, True])
def test_the_steganalyzer_works_in_32_bits(adversary, autocast):
    """It is given the images as they are, and none of its layers rounds to bf16."""
    game = adversary(weight=1.0, ramp=0)
    given, made = [], []
    game.steganalyzers[0].register_forward_pre_hook(lambda _, arguments: given.append(arguments[0]))
    for layer in game.steganalyzers[0].layers:
        layer.register_forward_hook(lambda *call: made.append(call[-1].dtype))
    cover, stego = batch()
    stego.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        game.term(cover, stego, 0)
        game.learn(cover, stego, 0)
    images = torch.cat([cover, stego])
    assert len(given) == 2 and all(seen.dtype == torch.float32 and torch.equal(seen, images) for seen in given)
    assert len(made) == 2 * len(game.steganalyzers[0].layers) and set(made) == {torch.float32}


def test_the_hider_learns_nothing_from_the_steganalyzers_step(adversary):
    cover, stego = batch()
    stego.requires_grad_()
    adversary().learn(cover, stego, 0)
    assert stego.grad is None


def test_it_learns_once_in_so_many_steps(adversary):
    game = adversary(every=3)
    weights = [parameter.detach().clone() for parameter in game.steganalyzers[0].parameters()]

    def moved() -> bool:
        return any(not torch.equal(a, b) for a, b in zip(weights, game.steganalyzers[0].parameters(), strict=True))

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


def test_the_steganalyzer_is_shown_the_pool(adversary):
    """Beside the covers stand stego images of this step and of those before."""
    game = adversary(pool=2)
    shown = []
    game.steganalyzers[0].register_forward_pre_hook(lambda _, arguments: shown.append((arguments[0] * 255).round().amax(dim=(1, 2, 3))))
    cover, past, fresh = (torch.full((2, 3, 64, 64), level / 255) for level in (10, 50, 200))
    for step, stego in enumerate([past, *[fresh] * 7]):
        game.learn(cover, stego, step)
    shown = torch.stack(shown)
    assert (shown[:, :2] == 10).all() and (shown[0, 2:] == 50).all()
    assert set(shown[1:, 2:].flatten().tolist()) == {50, 200}


def test_an_ensemble_of_two_equal_networks_is_one_network(adversary):
    """Term, gradient and accuracies."""
    one, two = adversary(weight=0.5, ramp=0), adversary(weight=0.5, ramp=0, steganalyzer={"name": ["isgan", "isgan"]})
    for member in two.steganalyzers:
        member.load_state_dict(one.steganalyzers[0].state_dict())
    for step in range(3):
        cover, stego = batch(seed=step)
        stego.requires_grad_()
        terms = [game.term(cover, stego, step) for game in (one, two)]
        gradients = [torch.autograd.grad(term, stego)[0] for term in terms]
        assert torch.allclose(*terms) and torch.allclose(*gradients, rtol=1e-4, atol=1e-7) and gradients[0].abs().sum() > 0
        for game in (one, two):
            game.learn(cover, stego, step)
    assert one.accuracies() == two.accuracies()


def test_an_ensembles_term_and_accuracies_are_the_means(adversary):
    """One that calls everything a cover beside one that calls everything a stego image."""
    game = adversary(weight=1.0, ramp=0, lr=0.0, steganalyzer={"name": ["isgan", "xunet"]})
    with torch.no_grad():
        for member, (cover, stego) in zip(game.steganalyzers, ((2.0, 0.0), (0.0, 3.0)), strict=True):
            member.layers[-1].weight.zero_()
            member.layers[-1].bias.copy_(torch.tensor([cover, stego]))
    cover, stego = batch()
    assert game.term(cover, stego.requires_grad_(), 0).item() == pytest.approx((np.log1p(np.exp(-2)) + np.log1p(np.exp(3))) / 2)
    game.learn(cover, stego, 0)
    assert game.accuracies() == {"accuracy_cover": 0.5, "accuracy_stego": 0.5}


def test_each_of_an_ensemble_learns_from_the_same_images(adversary):
    game = adversary(optimizer="adam", pool=4, steganalyzer={"name": ["isgan", "xunet"]})
    before = [[parameter.detach().clone() for parameter in member.parameters()] for member in game.steganalyzers]
    shown = [[], []]
    for member, seen in zip(game.steganalyzers, shown, strict=True):
        member.register_forward_pre_hook(lambda _, arguments, seen=seen: seen.append(arguments[0]))
    for step in range(4):
        game.learn(*batch(seed=step), step)
    assert same(*shown) and len(shown[0]) == 4
    for member, old, optimizer in zip(game.steganalyzers, before, game.optimizers, strict=True):
        assert all(not torch.equal(*pair) for pair in zip(member.parameters(), old, strict=True))
        assert optimizer.param_groups[0]["params"] == list(member.parameters()) == list(optimizer.state)


def test_crops_have_to_be_large_enough(fabric):
    for photos in ({"crop": 48, "batch": 2, "ragged": False}, {"crop": 66, "batch": 2}):
        with pytest.raises(IsganError, match="crop 67"):
            Adversary(recipe_from({**RECIPE, "photos": photos}), photos["crop"], fabric)
    with pytest.raises(IsganError, match="crop 163"):
        Adversary(recipe(steganalyzer={"name": ["isgan", "yenet", "xunet"]}), 64, fabric)


# ---------------------------------------------------------------------- in the loop


@pytest.fixture
def trainer(tmp_path, fabric):
    def build(name: str, **options) -> Loop:
        (tmp_path / name).mkdir(exist_ok=True)
        return loop(recipe(**options), PHOTOS, PHOTOS, tmp_path / name, fabric)

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


@pytest.mark.parametrize("name", ["isgan", ["isgan", "xunet"]])
def test_a_stopped_run_goes_on_with_its_steganalyzers(trainer, name):
    options = TRICKS | {"steganalyzer": {"name": name}}
    whole = trainer("whole", **options)
    whole.fit()
    first = trainer("parts", **options)
    first.on_step = lambda step, *_: first._interrupt() if step == 4 else None
    first.fit()
    assert first.step == 4
    second = trainer("parts", **options)
    second.resume()
    second.fit()
    assert same(state(whole.folder), state(second.folder))
    assert len(state(whole.folder)["task"]["adversary"]["pool"]) == 3


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
        weights.append(torch.cat([parameter.detach().flatten() for parameter in run.task.network.parameters()]))
    assert not torch.equal(*weights)


def test_the_term_counts_from_the_start_of_the_recipe_on(trainer):
    """Where nobody learns, what the loss of a step has more than without the term: nothing, then a quarter more with each step."""
    still, losses = {"optimizer": {"lr": 0.0}, "schedule": {"steps": 8}, "lr": 0.0}, []
    for name, weight in (("with", 2.0), ("without", 0.0)):
        run, losses = trainer(name, weight=weight, start=2, ramp=4, **still), [*losses, []]
        for run.step in range(8):
            losses[-1].append(run.train_step(run.task.pairs[0]))
    more = np.subtract(*losses)
    assert more[-1] > 0.1
    assert more / more[-1] == pytest.approx([0, 0, 0.25, 0.5, 0.75, 1, 1, 1], abs=1e-4)


@pytest.mark.parametrize(("steganalyzer", "kept"), [({"name": "isgan"}, 6), ({}, 3)])
def test_the_newest_weights_are_kept(trainer, steganalyzer, kept):
    """The best picture is that of the first step, before the steganalyzer counts: the second validation is the worse one."""
    run = trainer("run", **TRICKS)
    if not steganalyzer:
        run = loop(dataclasses.replace(run.task.recipe, steganalyzer={}), PHOTOS, PHOTOS, run.folder, run.fabric)
    score = run.task._score

    def spoilt(hider, pair):
        scores, sample = score(hider, pair)
        return [value - 5 * (run.step > 3) for value in scores], sample

    run.task._score = spoilt
    run.fit()
    with (run.folder / "validation.csv").open(newline="") as file:
        first, second = (min(float(row["stego_psnr"]), float(row["secret_psnr"])) for row in csv.DictReader(file))
    assert second < first
    assert models.card(run.folder / WEIGHTS)["runs"][-1]["steps"] == kept


SMALL = {"baluja": {"width": 4}}


@pytest.mark.parametrize("detector", networks.names())
@pytest.mark.parametrize("hider", [name for name in hiders.names() if hiders[name].trainable])
def test_every_hider_plays_against_every_steganalyzer(trainer, hider, detector):
    """One step in which both learn; a hider whose stego image has no gradient is refused."""
    small = trainer("run")
    plan = {
        "hider": {"name": hider, **SMALL.get(hider, {})},
        "steganalyzer": {"name": detector},
        "photos": RECIPE["photos"] | {"crop": networks[detector].least, "batch": 1},
        "adversarial": {"weight": 1.0, "ramp": 0},
    }
    times = -(-networks[detector].least // 66)
    photos = Photographs({"soft": [photo.tile(1, times, times) for photo in PHOTOS.sets["soft"]]}, [])
    run = loop(recipe_from(RECIPE | plan), photos, photos, small.folder, small.fabric)
    if not run.wrapped.train()(*run.task.pairs[0]).stego.requires_grad:
        with pytest.raises(IsganError, match="no gradient"):
            run.train_step(run.task.pairs[0])
        return
    both = run.task.network, run.task.adversary.steganalyzers[0]
    before = [[parameter.detach().clone() for parameter in network.parameters()] for network in both]
    assert math.isfinite(run.train_step(run.task.pairs[0]))
    for network, old in zip(both, before, strict=True):
        assert any(not torch.equal(*pair) for pair in zip(network.parameters(), old, strict=True))
        assert all(parameter.isfinite().all() for parameter in network.parameters())


def test_a_recipe_without_a_steganalyzer_says_nothing_of_it():
    plain = recipe_from({key: value for key, value in RECIPE.items() if key != "steganalyzer"})
    assert not {"steganalyzer", "adversarial"} & plain.to_dict().keys()
    assert recipe_from(recipe(weight=0.1).to_dict()) == recipe(weight=0.1)


@pytest.mark.parametrize("said", ["", "xunet", '["xunet", "srnet"]'])
@pytest.mark.parametrize("written", ['"isgan"', '["isgan", "isgan", "zeng"]'])
def test_one_steganalyzer_or_several(tmp_path, written, said):
    """In the file and on the command line."""
    path = tmp_path / "recipe.toml"
    path.write_text(f'hider = {{name = "wavelet"}}\nloss = {{name = "mse"}}\nsteganalyzer = {{name = {written}}}')
    plan = read_recipe(path, {"steganalyzer": {"name": parse_value(said)}} if said else {})
    name = parse_value(said or written)
    assert plan.to_dict()["steganalyzer"] == {"name": name} and recipe_from(plan.to_dict()) == plan
    assert plan.steganalyzers == [{"name": each} for each in ([name] if isinstance(name, str) else name)]


def test_an_ensemble_shares_its_arguments():
    plan = recipe(steganalyzer={"name": ["srnet", "srnet"], "channels": 1})
    assert plan.steganalyzers == [{"name": "srnet", "channels": 1}] * 2


@pytest.mark.parametrize(("part", "name"), [("steganalyzer", []), ("steganalyzer", ["isgan", 1]), ("hider", ["isgan"])])
def test_names_that_are_refused(part, name):
    with pytest.raises(IsganError, match=f"^recipe.{part} needs a name$"):
        recipe_from(RECIPE | {part: {"name": name}})


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


@pytest.mark.parametrize("name", ["xunnet", ["isgan", "xunnet"]])
def test_a_steganalyzer_that_does_not_exist(fabric, name):
    plan = dataclasses.replace(recipe(), steganalyzer={"name": name})
    with pytest.raises(IsganError, match="did you mean 'xunet'"):
        Adversary(plan, 64, fabric)

"""Training: the same weights whatever interrupts it, weights that are better than before, recipes that are read strictly."""

import contextlib
import csv
import dataclasses
import io
import json
import math
import os
import re
import signal
import subprocess
import sys
import tokenize
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import stirred
from lightning.fabric import Fabric
from PIL import Image
from safetensors.torch import load_file

import isgan
from isgan import models
from isgan.__main__ import main
from isgan.console import TrainingProgress
from isgan.errors import IsganError
from isgan.hiders import hiders
from isgan.hiders.base import Hiding
from isgan.hiders.isgan import ISGAN
from isgan.hiders.wavelet import Wavelet
from isgan.losses import losses
from isgan.metrics import MEASURES
from isgan.metrics.quality import psnr, ssim
from isgan.picture import png_bytes, read_rgb
from isgan.tensors import to_array, to_tensor
from isgan.training.checkpoint import load_checkpoint, save_checkpoint
from isgan.training.hiding import WEIGHTS, loop
from isgan.training.loop import CHECKPOINT, Loop, learning_rate
from isgan.training.pairs import Photographs
from isgan.training.recipe import Optimizer, Photos, Recipe, Schedule, build_part, parse_value, read_recipe, recipe_from
from isgan.training.run import run

TINY = Path(__file__).with_name("tiny.toml")


def photograph(seed: int, height: int = 36, width: int = 40) -> np.ndarray:
    """(height, width, 3) uint8: soft random colours, away from black and white."""
    coarse = np.random.default_rng(seed).integers(50, 206, (4, 5, 3), np.uint8)
    return np.array(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def tensors(*seeds: int) -> list[torch.Tensor]:
    return [torch.from_numpy(photograph(seed)).permute(2, 0, 1).contiguous() for seed in seeds]


TRAIN = Photographs({"soft": tensors(*range(6))}, [])
VAL = Photographs({"soft": tensors(100, 101)}, [])


@pytest.fixture(scope="module")
def fabric() -> Fabric:
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    return fabric


@pytest.fixture
def recipe() -> Callable[..., Recipe]:
    """The tiny recipe, with other values: recipe(schedule={"ema": 0.0})."""
    return lambda **overrides: read_recipe(TINY, overrides)


@pytest.fixture
def trainer(tmp_path: Path, fabric: Fabric, recipe) -> Callable[..., Loop]:
    """A run of the tiny recipe in the folder `run`: trainer("other", schedule={...}, hider={"name": ...})."""

    def build(name: str = "run", *, val: Photographs = VAL, initial: Any = None, hider: Any = None, **overrides: Any) -> Loop:
        (tmp_path / name).mkdir(exist_ok=True)
        plan = recipe(**overrides)
        return loop(dataclasses.replace(plan, hider=hider or plan.hider), TRAIN, val, tmp_path / name, fabric, initial=initial)

    return build


def equal(a: Any, b: Any) -> bool:
    """Nested plain values and tensors, bit for bit."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


def without_times(state: dict[str, Any]) -> dict[str, Any]:
    """Processor seconds differ, and so do no others."""
    return {key: value for key, value in state.items() if key != "elapsed"}


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "validation.csv").open(newline="") as file:
        return list(csv.DictReader(file))


# ---------------------------------------------------------------------- runs that are stopped and go on


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for split, seeds in (("train", range(6)), ("val", (100, 101))):
        (tmp_path / "soft" / split).mkdir(parents=True)
        for seed in seeds:
            Image.fromarray(photograph(seed)).save(tmp_path / "soft" / split / f"{seed:03}.png")
    return tmp_path / "soft"


@pytest.fixture
def line(data: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """The command line that trains in a folder of this name."""

    def tokens(name: str, *more: str) -> list[str]:
        return ["train", str(TINY), "--data", str(data), "-o", str(tmp_path / name), "--threads", "1",
                "--accelerator", "cpu", *more]  # fmt: skip

    return tokens


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """From now on a signal comes at the end of this step."""

    def patch(step: int, *signals: int) -> None:
        def shown(_: TrainingProgress, done: int, *__: float) -> None:
            if done == step:
                for number in signals:
                    signal.raise_signal(number)

        monkeypatch.setattr(TrainingProgress, "step", shown)

    return patch


def same_end(one: Path, other: Path) -> bool:
    """Did two runs end alike: weights, averages, optimizer, what was kept, what was written?"""
    states = [without_times(load_checkpoint(folder / CHECKPOINT)) for folder in (one, other)]
    tables = [[{key: value for key, value in row.items() if key != "minutes"} for row in rows(folder)] for folder in (one, other)]
    return equal(*states) and tables[0] == tables[1] and (one / WEIGHTS).read_bytes() == (other / WEIGHTS).read_bytes()


def test_a_killed_run_goes_on_to_the_same_weights(line, tmp_path, capsys):
    """SIGKILL at step 7, after the checkpoint of step 4 and the validation of step 5."""
    script = (
        "import os, signal, sys\n"
        "from isgan.console import TrainingProgress\n"
        "TrainingProgress.step = lambda _, step, *__: os.kill(os.getpid(), signal.SIGKILL) if step == 7 else None\n"
        "from isgan.__main__ import main\n"
        "main(sys.argv[1:])\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, *line("killed")], capture_output=True, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    state = load_checkpoint(tmp_path / "killed" / CHECKPOINT)
    assert state["step"] == 4 and [row["step"] for row in rows(tmp_path / "killed")] == ["5"]

    assert main(line("killed", "--resume")) == 0
    assert main(line("whole")) == 0
    assert same_end(tmp_path / "killed", tmp_path / "whole")
    end = load_checkpoint(tmp_path / "whole" / CHECKPOINT)
    assert end["step"] == 12 and not equal(end["network"], state["network"])
    assert [row["step"] for row in rows(tmp_path / "whole")] == ["5", "10", "12"]
    assert "done after 12 steps" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_a_checkpoint(line, tmp_path, stop_at, capsys, monkeypatch, number):
    before = signal.getsignal(number)
    stop_at(6, number)
    assert main(line("stopped")) == 130
    assert "stopped at step 6; go on with --resume" in capsys.readouterr().err
    assert load_checkpoint(tmp_path / "stopped" / CHECKPOINT)["step"] == 6
    assert number == signal.SIGTERM or signal.getsignal(number) == before  # the command line has a handler of its own for that one
    monkeypatch.undo()
    assert main(line("stopped", "--resume")) == 0
    assert main(line("whole")) == 0
    assert same_end(tmp_path / "stopped", tmp_path / "whole")


@pytest.fixture
def listening():
    """Ctrl-C as in a terminal: a shell that starts tests in the background has them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_second_ctrl_c_does_not_wait(trainer, listening):
    run = trainer()
    run.on_step = lambda *_: [signal.raise_signal(signal.SIGINT) for _ in range(2)]
    with pytest.raises(KeyboardInterrupt):
        run.fit()
    assert run.step == 1 and signal.getsignal(signal.SIGINT) == signal.default_int_handler


def test_a_run_is_not_overwritten(line, tmp_path, stop_at, capsys):
    stop_at(4, signal.SIGINT)
    assert main(line("run")) == 130
    before = (tmp_path / "run" / CHECKPOINT).read_bytes()
    capsys.readouterr()
    assert main(line("run")) == 2
    assert "holds a run already: add --resume" in capsys.readouterr().err
    assert (tmp_path / "run" / CHECKPOINT).read_bytes() == before


def test_resuming_another_recipe(trainer):
    run = trainer()
    run.save()
    for section, values in {
        "hider": {"name": "wavelet", "blocks": 1, "hidden": 16},
        "loss": {"beta": 5.0},
        "photos": {"crop": 20},
        "optimizer": {"lr": 1e-3},
        "seed": 4,
        "precision": "bf16-mixed",
    }.items():
        with pytest.raises(IsganError, match=f"trained with another {section}: resume with the same recipe"):
            trainer(**{section: values}).resume()


def test_a_longer_run_resumes(trainer):
    run = trainer()
    run.fit()
    longer = trainer(schedule={"steps": 14})
    longer.resume()
    assert longer.step == 12 and longer.task.best == run.task.best and longer.elapsed == run.elapsed
    longer.fit()
    assert longer.step == 14 and not equal(longer.task.network.state_dict(), run.task.network.state_dict())
    assert [row["step"] for row in rows(longer.folder)] == ["5", "10", "12", "14"]


def test_a_shorter_run_ends_at_once(trainer):
    trainer().fit()
    shorter = trainer(schedule={"steps": 8})
    shorter.resume()
    shorter.fit()
    assert shorter.step == 12


def test_checkpoints_that_cannot_be_read(trainer):
    run = trainer()
    with pytest.raises(IsganError, match="nothing to resume"):
        run.resume()
    run.save()
    data = (run.folder / CHECKPOINT).read_bytes()
    for damaged in (b"", data[: len(data) // 2], data[:-50], b"no zip at all"):
        (run.folder / CHECKPOINT).write_bytes(damaged)
        with pytest.raises(IsganError, match="is not a checkpoint of isgan"):
            run.resume()


def test_a_checkpoint_of_something_else(trainer):
    run = trainer()
    for state in ({}, {"model": torch.zeros(1)}, [1, 2], torch.zeros(1)):
        torch.save(state, run.folder / CHECKPOINT)
        with pytest.raises(IsganError, match="is not a checkpoint of isgan"):
            run.resume()


def test_no_code_is_unpickled(tmp_path):
    class Bomb:
        def __reduce__(self):
            return Path.touch, (tmp_path / "exploded",)

    torch.save({"step": Bomb()}, tmp_path / CHECKPOINT)
    with pytest.raises(IsganError, match="is not a checkpoint"):
        load_checkpoint(tmp_path / CHECKPOINT)
    assert not (tmp_path / "exploded").exists()


def test_a_save_that_fails_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / CHECKPOINT
    save_checkpoint(path, {"step": 1})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(IsganError, match="No space left on device; make room and go on with --resume"):
        save_checkpoint(path, {"step": 2})
    monkeypatch.undo()
    assert load_checkpoint(path) == {"step": 1}
    save_checkpoint(path, {"step": 3})
    assert load_checkpoint(path) == {"step": 3} and [file.name for file in tmp_path.iterdir()] == [CHECKPOINT]


# ---------------------------------------------------------------------- several processes

RANKS = """
import itertools, json, os, signal, sys
from pathlib import Path
from types import SimpleNamespace

sys.path[:0] = TESTS
from test_loop import TRAIN, VAL, TINY, Fabric
from isgan.training import loop
from isgan.training.hiding import loop as trainer_of
from isgan.training.recipe import read_recipe
from isgan.training.run import MANY

folder = Path(sys.argv[1])
fabric = Fabric(accelerator="cpu", devices=2, strategy=MANY)
fabric.launch()
rank = fabric.global_rank


def train(name, on_step=lambda *_: None, **overrides):
    (folder / name).mkdir(exist_ok=True)
    trainer = trainer_of(read_recipe(TINY, overrides), TRAIN, VAL, folder / name, fabric, on_step=on_step)
    trainer.fit()
    total = sum(parameter.double().abs().sum().item() for parameter in trainer.task.network.parameters())
    fabric.barrier()
    (folder / f"{name}{rank}.json").write_text(json.dumps([trainer.step, total]))


train("steps")
train("dial", hider={"name": "qim", "stages": 2, "hidden": 8, "blocks": 0})
train("stopped", lambda step, *_: signal.raise_signal(signal.SIGTERM) if (rank, step) == (1, 3) else None)
clock = itertools.count(step=0.5 + 0.2 * rank)
loop.time = SimpleNamespace(monotonic=lambda: next(clock))
train("minutes", schedule={"steps": 0, "minutes": 0.1, "validate_every": 100})
"""


@pytest.fixture(scope="module")
def ranks(tmp_path_factory) -> Path:
    """Runs of two processes: by steps, of weights that not every batch uses, stopped by a signal to one, by clocks that disagree."""
    folder = tmp_path_factory.mktemp("ranks")
    (folder / "ranks.py").write_text(f"TESTS = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]}\n{RANKS}")
    command = [sys.executable, str(folder / "ranks.py"), str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=240)
    except subprocess.TimeoutExpired:
        output = "the processes wait for each other"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    (folder / "output").write_text(output[-3000:])
    return folder


def ends(folder: Path, name: str) -> list[tuple[int, float]]:
    """Last step and sum of the weights' absolute values, of both ranks."""
    files = [folder / f"{name}{rank}.json" for rank in range(2)]
    assert all(file.exists() for file in files), (folder / "output").read_text()
    return [tuple(json.loads(file.read_text())) for file in files]


def test_two_processes_learn_what_one_does(ranks, trainer):
    first, second = ends(ranks, "steps")
    assert first == second and first[0] == 12
    alone = trainer()
    alone.fit()
    together = load_checkpoint(ranks / "steps" / CHECKPOINT)["network"]
    for name, tensor in alone.task.network.state_dict().items():
        assert torch.allclose(tensor, together[name], atol=1e-4), name


def test_processes_may_draw_other_strengths(ranks):
    """Whose weights have no gradient in the others."""
    first, second = ends(ranks, "dial")
    assert first == second and first[0] == 12


def test_a_signal_to_one_process_stops_all_after_the_same_step(ranks):
    first, second = ends(ranks, "stopped")
    assert first == second and first[0] == 3


def test_processes_agree_on_the_time(ranks):
    """Learning rate and end of a run by minutes follow one clock, or the weights of the processes drift apart."""
    first, second = ends(ranks, "minutes")
    assert first == second and first[0] > 5


# ---------------------------------------------------------------------- does it learn


@pytest.fixture(scope="module")
def overfitted(tmp_path_factory, fabric) -> tuple[list[float], list[dict], Loop]:
    """One pair of photographs, learnt by heart: losses of all steps, validations, the trainer."""
    folder = tmp_path_factory.mktemp("overfit")
    recipe = read_recipe(TINY, {
        "hider": {"hidden": 16},
        "loss": {"beta": 100.0},
        "photos": {"batch": 1, "crop": 32, "ragged": False},
        "schedule": {"steps": 250, "warmup": 10, "validate_every": 250, "save_every": 1000},
        "optimizer": {"lr": 5e-3},
    })  # fmt: skip
    photographs = Photographs({"pair": [photo[:, :32, :32].contiguous() for photo in tensors(0, 1)]}, [])
    values, validations = [], []
    trainer = loop(recipe, photographs, photographs, folder, fabric, on_step=lambda *step: values.append(step[2]),
                      on_validation=validations.extend)  # fmt: skip
    trainer.validate()
    trainer.fit()
    return values, validations, trainer


def test_the_loss_falls(overfitted):
    values, *_ = overfitted
    assert len(values) == 250 and all(map(math.isfinite, values))
    assert np.mean(values[-10:]) < 0.05 * np.mean(values[:10])


def test_the_psnr_rises(overfitted):
    _, (before, after), _ = overfitted
    # Untrained, nothing is hidden and nothing revealed. A broken loop ends there, or with a poor picture at one end.
    assert before["stego_psnr"] == 80 and before["secret_psnr"] < 8
    assert after["stego_psnr"] > 31 and after["secret_psnr"] > 28


def test_one_seed_one_result(trainer):
    ends = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        run = trainer(name, seed=seed, schedule={"steps": 4})
        np.random.seed(len(ends)), torch.rand(len(ends))  # what went before does not matter
        run.fit()
        ends.append(run.task.network.state_dict())
    assert equal(ends[0], ends[1]) and not equal(ends[0], ends[2])


def test_resuming_on_other_photographs_is_refused(trainer):
    run = trainer()
    run.save()
    run.task.counts = {**run.task.counts, "more": 3}
    with pytest.raises(IsganError, match="other photographs: resume with the same --data"):
        run.resume()


def test_a_loss_that_is_not_finite_stops_the_run(trainer):
    run = trainer()
    run.save()
    with torch.no_grad():
        next(run.task.network.parameters()).fill_(float("nan"))
    with pytest.raises(IsganError, match=r"the loss is nan at step 0: start again in another --output with a lower --optimizer.lr"):
        run.fit()
    run.resume()
    assert all(tensor.isfinite().all() for tensor in run.task.network.state_dict().values())


def test_gradients_are_clipped(trainer):
    """SGD shows the gradient's norm: the length of the step is at most lr x clip."""
    moves = []
    for clip in (0.0, 0.01):
        run = trainer(f"clip{clip}", optimizer={"clip": clip}, loss={"beta": 1000.0}, schedule={"warmup": 0})
        run.optimizer = run.fabric.setup_optimizers(torch.optim.SGD(run.task.network.parameters(), lr=1.0))
        before = [parameter.clone() for parameter in run.task.network.parameters()]
        run.train_step(run.task.pairs[0])
        moves.append(sum((a - b).square().sum() for a, b in zip(run.task.network.parameters(), before, strict=True)).sqrt().item() / 2e-3)
    assert moves[0] > 0.02 and moves[1] == pytest.approx(0.01, rel=1e-2)


def test_the_optimizer_is_the_recipes(trainer):
    run = trainer(optimizer={"lr": 0.01, "beta1": 0.5, "beta2": 0.99, "weight_decay": 0.002})
    (group,) = run.optimizer.param_groups
    assert group["betas"] == (0.5, 0.99) and group["weight_decay"] == 0.002
    assert len(group["params"]) == len(list(run.task.network.parameters()))
    run.step = 1
    run.train_step(run.task.pairs[1])
    options = run.task.recipe
    assert group["lr"] == learning_rate(options.optimizer, options.schedule, 1, 1 / 12)
    assert group["lr"] == pytest.approx(0.01 * 2 / 3 * (1 + math.cos(math.pi / 12)) / 2)


def test_learning_rate_schedule():
    def rate(step: int, progress: float, **schedule: float) -> float:
        return learning_rate(Optimizer(lr=0.4), Schedule(steps=1000, **{"warmup": 10, "final": 0.1} | schedule), step, progress)

    assert rate(0, 0.0) == pytest.approx(0.04) and rate(4, 0.0) == pytest.approx(0.2)
    assert rate(9, 0.0) == rate(10, 0.0) == pytest.approx(0.4)
    assert rate(500, 0.5) == pytest.approx(0.4 * 0.55) and rate(1000, 1.0) == pytest.approx(0.04)
    rates = [rate(step, step / 1000) for step in range(1000)]
    assert rates[:10] == sorted(rates[:10]) and rates[10:] == sorted(rates[10:], reverse=True)
    assert rate(0, 0.0, warmup=0) == pytest.approx(0.4) and rate(1000, 1.0, final=0.0) == pytest.approx(0)


def test_progress_is_by_steps_or_minutes(trainer):
    run = trainer(schedule={"steps": 100, "minutes": 2.0})
    for step, elapsed, progress in ((0, 0, 0), (25, 0, 0.25), (25, 60, 0.5), (75, 60, 0.75), (75, 600, 1)):
        run.step, run.elapsed = step, elapsed
        assert run.progress() == pytest.approx(progress)


def test_a_run_by_minutes_ends(trainer):
    run = trainer(schedule={"steps": 0, "minutes": 1.0, "validate_every": 1000})
    run.elapsed = 59.7
    run.fit()
    assert 0 < run.step < 500 and 60 <= run.elapsed < 70


def test_slow_validations_leave_half_of_the_minutes(trainer, monkeypatch):
    """Of 40 validations of 14 s in 120 s of steps of 1 s, by a clock that only they move."""
    run = trainer(schedule={"steps": 0, "minutes": 2.0, "validations": 40})
    now = [0.0]
    monkeypatch.setattr("isgan.training.loop.time.monotonic", lambda: now[0])
    for name, seconds in (("train_step", 1), ("validate", 14)):
        monkeypatch.setattr(run, name, lambda *_, seconds=seconds: now.__setitem__(0, now[0] + seconds) or 0.0)
    run.fit()
    assert 60 <= run.step <= 75


@pytest.mark.parametrize("hider", [None, {"name": "isgan"}], ids=["wavelet", "isgan"])
def test_averaged_weights(trainer, hider):
    """A running mean, BatchNorm's statistics too, whose memory is short at first: decay (k + 1) / (k + 10), at most `ema`."""
    run = trainer(hider=hider, schedule={"ema": 0.22})
    expected = {}
    for step in range(4):
        run.train_step(run.task.pairs[step])
        decay = min(0.22, (step + 1) / (step + 10)) if step else 0.0
        for name, now in run.task.network.state_dict().items():
            average = now.clone() if step == 0 or not now.is_floating_point() else decay * expected[name] + (1 - decay) * now
            expected[name] = average
        run.step += 1
        for name, ours in run.kept().state_dict().items():
            assert torch.allclose(ours, expected[name], atol=1e-6), name
    assert not equal(run.kept().state_dict(), run.task.network.state_dict())
    assert run.kept() is run.average.module and not run.kept().training


def test_no_average(trainer):
    run = trainer(schedule={"ema": 0.0, "steps": 2})
    assert run.kept() is run.task.network
    run.fit()
    assert equal(load_file(run.folder / WEIGHTS), run.task.network.state_dict())


# ---------------------------------------------------------------------- validation and what it leaves


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_validation_is_what_a_receiver_gets(trainer, ema):
    """The rows are recomputed from the saved weights, through PNG files. With BatchNorm, train mode would show."""
    run = trainer(hider={"name": "isgan", "residual": 0.2} if ema else {"name": "isgan"}, schedule={"ema": ema, "steps": 2})
    stirred(run.task.network)
    run.fit()
    hider, scores = models.hider(run.folder / WEIGHTS), []
    for cover, secret in run.task.fixed["soft"]:
        with torch.inference_mode():
            stego = to_array(hider.hide(cover, secret))
            read = to_tensor(read_rgb(png_bytes(stego)))
            revealed = to_tensor(to_array(hider.reveal(read)))
        scores.append([measure(a, b).item() for a, b in ((read, cover), (revealed, secret)) for measure in (psnr, ssim)])
    (row,) = rows(run.folder)
    assert row["step"] == "2" and row["set"] == "soft"
    assert [float(row[key]) for key in MEASURES] == pytest.approx(np.mean(scores, axis=0), abs=2e-3)


def test_the_revealed_secret_is_rounded_too(trainer, monkeypatch):
    """Errors of less than half a level are gone in a file, and an equal picture counts as 80 dB."""
    monkeypatch.setattr(Wavelet, "forward", lambda _, cover, secret: Hiding(cover, secret + 0.4 / 255))
    run = trainer()
    run.validate()
    assert rows(run.folder)[0]["secret_psnr"] == rows(run.folder)[0]["stego_psnr"] == "80.0"


def test_hiding_something_is_better_than_an_untouched_cover(trainer, monkeypatch):
    """Weights with 80 dB at the cover and a lost secret give way to any that carry something, though the sum of both ends falls."""
    run = trainer()
    for step, (stego_error, secret_error) in enumerate(((0.0, 0.25), (0.1, 0.2)), start=1):
        hiding = lambda _, cover, secret, a=stego_error, b=secret_error: Hiding((cover - a).abs(), (secret - b).abs())  # noqa: E731
        monkeypatch.setattr(Wavelet, "forward", hiding)
        run.step = step
        run.validate()
        assert models.card(run.folder / WEIGHTS)["runs"][-1]["steps"] == step
    first, second = rows(run.folder)
    assert float(first["stego_psnr"]) == 80 > float(second["stego_psnr"]) + 30


def test_validating_changes_nothing_and_training_goes_on(trainer):
    table = {"hider": {"name": "isgan", "residual": 0.2}, "schedule": {"ema": 0.0}}
    run, unseen = trainer(**table), trainer("unseen", **table)
    for trained in (run, unseen):
        trained.train_step(trained.task.pairs[0])
    before = {name: tensor.clone() for name, tensor in run.task.network.state_dict().items()}
    run.validate()
    assert equal(run.task.network.state_dict(), before)
    for trained in (run, unseen):
        trained.train_step(trained.task.pairs[1])
    assert equal(run.task.network.state_dict(), unseen.task.network.state_dict())
    statistics = [name for name in before if "running" in name or "tracked" in name]
    assert statistics and not any(torch.equal(run.task.network.state_dict()[name], before[name]) for name in statistics)


def test_batch_norm_statistics_are_kept(trainer):
    """The averaged network has averaged statistics too, and the counter of the running one."""
    run = trainer(hider={"name": "isgan"}, schedule={"steps": 2})
    run.fit()
    saved = load_file(run.folder / WEIGHTS)
    fresh = ISGAN().state_dict()
    assert saved["encoder.0.1.num_batches_tracked"] == 2
    for name in saved:
        if "running" in name:
            assert not torch.equal(saved[name], fresh[name]), name
    assert equal(saved, run.average.module.state_dict())


def test_batch_norm_that_is_held(trainer):
    """Its statistics stay, in training as in use, and its weights learn."""
    table = {"hider": {"name": "isgan"}, "schedule": {"steps": 2, "ema": 0.0, "warmup": 0}}
    run = trainer(optimizer={"freeze_norm": True}, **table)
    network = run.task.network
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.running_mean.fill_(0.1)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    modes = set()
    for norm in norms:
        norm.register_forward_pre_hook(lambda norm, _: modes.add((network.training, norm.training)))
    for step in range(2):
        run.train_step(run.task.batch(step, 0.0))
    changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert modes == {(True, False)}
    assert changed == {name for name, _ in network.named_parameters()}


def test_crops_that_grow(trainer):
    """From half of the run on; a function of step and progress, so that a resumed run has the same."""
    run = trainer(photos={"crop": 20, "batch": 1, "ragged": False, "late": 0.5, "late_crop": 32, "late_batch": 2}, schedule={"steps": 4})
    seen = []
    monitored = run.task.loss
    run.task.loss = lambda network, batch, step: seen.append(tuple(batch.cover.shape)) or monitored(network, batch, step)
    run.fit()
    assert seen == [(1, 3, 20, 20)] * 2 + [(2, 3, 32, 32)] * 2


def test_what_a_run_writes(trainer):
    heard = []
    run = trainer(schedule={"steps": 7})
    run.task.on_validation = heard.append
    run.on_step = lambda *step: heard.append(step)
    run.fit()
    assert [item[0] for item in heard if isinstance(item, tuple)] == list(range(1, 8))
    assert heard[0][1] == pytest.approx(1 / 7) and heard[-2][1] == 1
    assert [item[0]["step"] for item in heard if isinstance(item, list)] == [5, 7]
    assert {path.name for path in run.folder.iterdir()} == {
        CHECKPOINT, WEIGHTS, "weights.toml", "validation.csv", "samples.png", "tensorboard"}  # fmt: skip
    assert [row["step"] for row in rows(run.folder)] == ["5", "7"]
    assert list(rows(run.folder)[0]) == ["step", "minutes", "set", *MEASURES, "loss"]
    # Two pairs below each other: cover, stego, residual, secret, revealed.
    samples = read_rgb(run.folder / "samples.png")
    assert samples.shape == (2 * 36, 5 * 40, 3)
    assert np.array_equal(samples[:36, :40], photograph(100)) and np.array_equal(samples[36:, :40], photograph(101))
    assert list((run.folder / "tensorboard").glob("events*"))


def test_the_card(trainer, recipe):
    run = trainer(schedule={"steps": 2})
    run.task.facts = {"licence": "CC0"}
    run.elapsed = 7200.0
    run.fit()
    card = models.card(run.folder / WEIGHTS)
    assert card["licence"] == "CC0" and card["hider"] == "wavelet"
    (told,) = card["runs"]
    assert (told["steps"], told["photographs"], told["device"]) == (2, {"soft": 6}, "cpu") and told["hours"] == pytest.approx(2, abs=0.01)
    assert told["recipe"] == recipe(schedule={"steps": 2}).to_dict()
    assert recipe_from(told["recipe"]) == run.task.recipe  # the card trains it again
    assert {key: str(value) for key, value in told["validation"]["soft"].items()} == {key: rows(run.folder)[0][key] for key in MEASURES}


def test_the_best_weights_are_kept(trainer):
    run = trainer(schedule={"ema": 0.0})
    run.step = 1
    run.train_step(run.task.pairs[0])
    run.validate()
    best, good = (run.folder / WEIGHTS).read_bytes(), run.task.best
    with torch.no_grad():
        for parameter in run.task.network.parameters():
            parameter.normal_(std=0.3)
    run.step = 2
    run.validate()
    assert (run.folder / WEIGHTS).read_bytes() == best and run.task.best == good
    assert [row["step"] for row in rows(run.folder)] == ["1", "2"]
    run.task.best = -math.inf
    run.validate()
    assert (run.folder / WEIGHTS).read_bytes() != best


def test_rows_of_several_sets(trainer):
    val = Photographs({"one": tensors(100, 101), "two": tensors(102, 103, 104)}, [])
    run = trainer(val=val)
    run.validate()
    assert [(row["step"], row["set"]) for row in rows(run.folder)] == [("0", "one"), ("0", "two")]


def test_a_log_that_was_damaged(trainer):
    run = trainer()
    (run.folder / "validation.csv").write_text("step,minutes\nnonsense,1\n")
    with pytest.raises(IsganError, match=r"cannot read .*validation\.csv.*move it away"):
        run.fit()


# ---------------------------------------------------------------------- first weights


def test_initial_weights(trainer):
    torch.manual_seed(9)
    initial = Wavelet(blocks=1, hidden=8)
    run = trainer(initial=initial)
    assert equal(run.task.network.state_dict(), initial.state_dict()) and equal(run.average.module.state_dict(), initial.state_dict())
    for other in (Wavelet(blocks=2, hidden=8), ISGAN()):
        with pytest.raises(IsganError, match="another hider or another size"):
            trainer("other", initial=other)


def test_the_card_names_the_initial_weights_and_no_folder(tmp_path):
    for split in ("train", "val"):
        (tmp_path / "photos" / split).mkdir(parents=True)
        for seed in range(2):
            Image.fromarray(photograph(seed)).save(tmp_path / "photos" / split / f"{seed}.png")
    first = tmp_path / "deep" / "first.safetensors"
    first.parent.mkdir()
    models.save(Wavelet(blocks=1, hidden=8), first, {"runs": [{"steps": 3}]})
    plan = recipe_from({"hider": {"name": "wavelet", "blocks": 1, "hidden": 8}, "loss": {"name": "mse"}, "precision": "32-true",
                        "photos": {"crop": 32, "batch": 1, "validation": 1}, "schedule": {"steps": 1}})  # fmt: skip
    card = models.card(run(plan, [tmp_path / "photos"], tmp_path / "run", initial=str(first), threads=1))
    before, last = card["runs"]
    assert (before["model"], before["fingerprint"], before["steps"]) == ("first.safetensors", models.fingerprint(first), 3)
    assert last["steps"] == 1 and str(tmp_path) not in (tmp_path / "run" / "weights.toml").read_text()


def test_hiders_without_weights(trainer):
    with pytest.raises(IsganError, match="'lsb332' has no weights to train"):
        loop(recipe_from({"hider": {"name": "lsb332"}, "loss": {"name": "mse"}}), TRAIN, VAL, trainer().folder, trainer().fabric)


# ---------------------------------------------------------------------- recipes


def test_overrides_win_over_the_file_and_the_file_over_defaults(recipe):
    plain = recipe()
    assert (plain.seed, plain.photos.crop, plain.optimizer.lr, plain.schedule.final, plain.precision) == (3, 24, 2e-3, 0.0, "32-true")
    assert plain.hider == {"name": "wavelet", "blocks": 1, "hidden": 8} and plain.optimizer == Optimizer(lr=2e-3)
    other = recipe(seed=8, photos={"crop": 32}, hider={"hidden": 16}, schedule={"final": 1}, precision="bf16-mixed")
    assert (other.seed, other.photos.crop, other.photos.batch, other.schedule.final, other.precision) == (8, 32, 2, 1.0, "bf16-mixed")
    assert other.hider == {"name": "wavelet", "blocks": 1, "hidden": 16} and other.loss == plain.loss
    assert type(other.schedule.final) is float


def test_a_recipe_is_hider_and_loss_at_least():
    recipe = recipe_from({"hider": {"name": "qim"}, "loss": {"name": "mse"}})
    assert (recipe.photos, recipe.optimizer, recipe.schedule, recipe.seed) == (Photos(), Optimizer(), Schedule(), 0)
    for section in ("hider", "loss"):
        with pytest.raises(IsganError, match=rf"has no \[{section}\]"):
            recipe_from({key: {"name": "mse"} for key in {"hider", "loss"} - {section}})


@pytest.mark.parametrize(
    "overrides, words",
    [
        ({"optimiser": {"lr": 1.0}}, "unknown recipe key 'optimiser': did you mean 'optimizer'?"),
        ({"photos": {"corp": 32}}, "unknown recipe.photos key 'corp': did you mean 'crop'?"),
        ({"photos": {"crop": "32"}}, "recipe.photos.crop = '32' is not an int"),
        ({"photos": {"crop": 32.0}}, "recipe.photos.crop = 32.0 is not an int"),
        ({"photos": {"batch": True}}, "recipe.photos.batch = True is not an int"),
        ({"photos": {"balance": 1}}, "recipe.photos.balance = 1 is not a bool"),
        ({"optimizer": {"lr": "high"}}, "recipe.optimizer.lr = 'high' is not a float"),
        ({"optimizer": {"lr": True}}, "recipe.optimizer.lr = True is not a float"),
        ({"seed": 1.5}, "recipe.seed = 1.5 is not an int"),
        ({"photos": 3}, "recipe.photos = 3 is not a table"),
        ({"hider": 3}, "recipe.hider = 3 is not a table"),
        ({"precision": "fp8"}, "precision 'fp8' is none of 32-true, bf16-mixed, 16-mixed"),
        ({"schedule": {"steps": 0}}, "the recipe never ends"),
        ({"schedule": {"steps": -5}}, "the recipe never ends"),
        ({"photos": {"crop": 15}}, "crop = 15 is out of bounds: at least 16"),
        ({"photos": {"batch": 0}}, "batch = 0 is out of bounds: at least 1"),
        ({"photos": {"validation": 0}}, "validation = 0 is out of bounds"),
        ({"schedule": {"validate_every": 0}}, "validate_every = 0 is out of bounds"),
        ({"schedule": {"save_every": 0}}, "save_every = 0 is out of bounds"),
        ({"optimizer": {"lr": -1e-3}}, "lr = -0.001 is out of bounds"),
        ({"optimizer": {"lr": math.nan}}, "lr = nan is out of bounds"),
        ({"schedule": {"minutes": math.inf}}, "minutes = inf is out of bounds"),
        ({"optimizer": {"beta1": 1.0}}, "beta1 = 1.0 is out of bounds"),
        ({"optimizer": {"beta2": 1.5}}, "beta2 = 1.5 is out of bounds"),
        ({"seed": -1}, "seed = -1 is out of bounds"),
        ({"hider": {"name": 3}}, "recipe.hider needs a name"),
    ],
)
def test_recipes_that_are_refused(recipe, overrides, words):
    with pytest.raises(IsganError, match=re.escape(words)):
        recipe(**overrides)


@pytest.mark.parametrize(
    "registry, table, words",
    [
        (hiders, {"name": "wavelett"}, "unknown hider 'wavelett': did you mean 'wavelet'?"),
        (hiders, {"name": "wavelet", "block": 3}, "unknown argument of hider 'wavelet' 'block': did you mean 'blocks'?"),
        (hiders, {"name": "wavelet", "blocks": 99}, "blocks=99"),
        (hiders, {"name": "wavelet", "blocks": "3"}, "blocks = '3' is not an int"),
        (losses, {"name": "mixt"}, "unknown loss 'mixt': did you mean 'mixed'?"),
        (losses, {"name": "mse", "alpha": 0.5}, "unknown argument of loss 'mse' 'alpha'"),
        (losses, {"name": "mixed", "alpha": "much"}, "alpha = 'much' is not a float"),
    ],
)
def test_parts_that_cannot_be_built(registry, table, words):
    with pytest.raises(IsganError, match=re.escape(words)):
        build_part(registry, table)


def test_files_that_are_no_recipe(tmp_path):
    for content in (b"[hider", b"\xff\xfe", b"hider = {"):
        (tmp_path / "bad.toml").write_bytes(content)
        with pytest.raises(IsganError, match="is not a TOML recipe"):
            read_recipe(tmp_path / "bad.toml")
    with pytest.raises(IsganError, match="cannot read recipe"):
        read_recipe(tmp_path / "none.toml")
    with pytest.raises(IsganError, match="cannot read recipe"):
        read_recipe(tmp_path)


@pytest.mark.parametrize(
    "text, value", [("0.1", 0.1), ("3", 3), ("true", True), ("1e-4", 1e-4), ("wavelet", "wavelet"), ("[1, 2]", [1, 2]), ('"3"', "3")]
)
def test_values_on_the_command_line(text, value):
    assert parse_value(text) == value and type(parse_value(text)) is type(value)


@pytest.mark.parametrize(
    "more, words",
    [
        (("--photos.corp", "32"), "did you mean 'crop'"),
        (("--hider.name", "wavelett"), "did you mean 'wavelet'"),
        (("--hider.hidden", "4"), "out of bounds"),
        (("--photos.crop", "64"), "set --photos.crop 36 or less"),
        (("--photos.batch", "9"), "6 photographs make no batch of 9"),
        (("--precision", "fp8"), "precision 'fp8' is none of"),
        (("--resume",), "nothing to resume"),
        (("--hider.name", "lsb332", "--hider.blocks", "1"), "hider 'lsb332'"),
    ],
)
def test_command_lines_that_are_refused(line, capsys, more, words):
    assert main(line("run", *more)) == 2
    err = capsys.readouterr().err
    assert words in err and err.splitlines()[-1].startswith("isgan: error: ")


def test_the_command_line_wins_over_the_recipe(line, tmp_path):
    assert main(line("run", "--steps", "1", "--seed", "11", "--hider.hidden", "9", "--optimizer.lr", "1e-4", "--licence", "CC0")) == 0
    card = models.card(tmp_path / "run" / WEIGHTS)
    (told,) = card["runs"]
    assert card["licence"] == "CC0" and told["steps"] == 1
    assert (told["recipe"]["seed"], told["recipe"]["hider"]["hidden"], told["recipe"]["optimizer"]["lr"]) == (11, 9, 1e-4)
    assert models.hider(tmp_path / "run" / WEIGHTS).config["hidden"] == 9


# ---------------------------------------------------------------------- what the source may not contain


def code(path: Path) -> str:
    """A file's code without comments and docstrings."""
    skip = (tokenize.COMMENT, tokenize.STRING)
    return " ".join(token.string for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline) if token.type not in skip)


def test_nothing_is_unpickled_and_nothing_loaded_loosely():
    source = Path(isgan.__file__).parent
    found = {path.relative_to(source).as_posix(): code(path) for path in source.rglob("*.py")}
    assert len(found) > 20
    loads = {name: re.findall(r"torch \. load \(.*", text) for name, text in found.items()}
    assert [name for name in loads if loads[name]] == ["training/checkpoint.py"]
    (load,) = re.findall(r"torch \. load \( [^)]* \)", found["training/checkpoint.py"])
    assert "weights_only = True" in load
    for name, text in found.items():
        if name != "jobs.py":  # which speaks through pipes to processes that it started itself
            assert not re.search(r"\bpickle|joblib|\bdill\b|\bmarshal\b|weights_only = False|allow_pickle = True", text), name
        assert not re.search(r"load_state_dict \([^)]*strict", text), name
        assert "hub . load" not in text and " eval (" not in re.sub(r"\. eval \(", "", text) and " exec (" not in text, name

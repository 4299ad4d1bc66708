"""A steganalyzer that learns from pairs: what a batch is, what is kept, what the loop makes of it."""

import numpy as np
import pytest
import torch
from conftest import scene

from isgan.detectors.networks.isgan import ISGANSteganalyzer
from isgan.metrics.security import auc
from isgan.training.detecting import BATCH, DetectingTask, scores
from isgan.training.loop import Loop
from isgan.training.recipe import Optimizer, Schedule
from isgan.training.run import launched
from isgan.training.task import Moment


def pairs(count: int, first: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth scenes of 64 x 64, and the same with every second row darker: what any detector has to find."""
    covers = torch.stack([torch.from_numpy(scene(64, 64, first + number)).permute(2, 0, 1) for number in range(count)])
    stegos = covers.clone()
    stegos[:, :, ::2] -= 50
    return covers, stegos


@pytest.fixture
def task() -> DetectingTask:
    torch.manual_seed(0)
    return DetectingTask(ISGANSteganalyzer(), pairs(12), pairs(4, 100), seed=5)


def test_a_cover_and_its_stego_image_are_turned_alike(task):
    turns = set()
    for step in range(12):
        covers, stegos = task.batch(step)
        assert covers.shape == (BATCH, 3, 64, 64) and torch.equal(covers, task.batch(step)[0])
        rows, columns = ((stegos - covers).abs().sum(dim=(0, 1, axis)) > 0 for axis in (3, 2))
        turns.add((bool(rows.all()), bool(columns.all())))
    assert turns == {(True, False), (False, True)}


def test_the_best_weights_are_kept(task):
    task.validate(task.network, Moment(1, 0.0, 0.0))
    best = {name: tensor.clone() for name, tensor in task.kept.items()}
    task.train = None  # not looked at
    with torch.no_grad():
        task.network.layers[-1].bias.copy_(torch.tensor([50.0, -50.0]))
    task.validate(task.network, Moment(2, 0.0, 0.0))
    assert all(torch.equal(task.kept[name], tensor) for name, tensor in best.items())


def test_the_loop_teaches_it(task):
    heard = []
    schedule = Schedule(steps=40, warmup=0, ema=0.0, validations=4)
    loop = Loop(task, Optimizer(lr=1e-3, clip=0.0), schedule, launched("cpu"), on_step=lambda *step: heard.append(step))
    judged, validate = [], task.validate
    task.validate = lambda network, moment: judged.append(moment.step) or validate(network, moment)
    loop.fit()
    assert judged == [10, 20, 30, 40] and heard[-1][:2] == (40, 1.0)
    task.network.load_state_dict(task.kept)
    fresh = pairs(6, 200)
    assert auc(scores(task.network, fresh[0]), scores(task.network, fresh[1])) > 0.9


def test_scores_are_of_each_image_alone(task):
    images = torch.cat(pairs(20))
    assert np.allclose(scores(task.network, images), np.concatenate([scores(task.network, image[None]) for image in images]), atol=1e-4)

"""What every steganalysis network owes its contract, run over the registry: a new one is tested by being there."""

import inspect

import pytest
import torch
from conftest import stirred
from images import eight_bit
from torch import Tensor
from torch.nn import functional as F

from isgan.detectors.networks import networks
from isgan.detectors.networks.base import COVER, STEGO, Steganalyzer
from isgan.errors import IsganError
from isgan.layers.quantize import quantize

every_steganalyzer = pytest.mark.parametrize("name", networks.names())


def detector(name: str) -> Steganalyzer:
    """In evaluation mode, with random weights and statistics that all matter; what is fixed, like a filter, is left as built."""
    steganalyzer = networks[name]()
    fixed = {key: value.clone() for key, value in steganalyzer.named_buffers() if ".running_" not in key}
    stirred(steganalyzer).load_state_dict(fixed, strict=False)
    return steganalyzer.eval()


def faint(*shape: int) -> Tensor:
    """A gray with noise of some levels: of much stronger noise truncated and Gaussian activations say nothing any more."""
    return 0.5 + 8 * (eight_bit(*shape) - 0.5) / 255


@every_steganalyzer
@pytest.mark.parametrize("more", [(0, 0), (1, 33)])
@torch.no_grad()
def test_two_logits_for_any_size(name, more):
    steganalyzer = detector(name)
    assert isinstance(steganalyzer, Steganalyzer) and (COVER, STEGO) == (0, 1)
    logits = steganalyzer(faint(3, 3, *(steganalyzer.least + length for length in more)))
    assert logits.shape == (3, 2) and logits.dtype == torch.float32 and logits.isfinite().all()
    assert logits.unique(dim=0).shape == (3, 2)  # the image matters


@every_steganalyzer
def test_too_small_images_are_refused(name):
    steganalyzer = detector(name)
    least = steganalyzer.least
    assert least <= 256
    for height, width in ((least - 1, least), (least, least - 1), (1, 1)):
        with pytest.raises(IsganError, match=f"{width} x {height}.* at least {least} pixels a side, take larger"):
            steganalyzer(eight_bit(1, 3, height, width))


@every_steganalyzer
@torch.no_grad()
def test_a_verdict_depends_on_nothing_but_the_image(name):
    """Not on the rest of the batch, not on the memory's layout, not on what was asked before; and the images are left alone."""
    steganalyzer = detector(name)
    images = faint(3, 3, steganalyzer.least, steganalyzer.least + 6)
    before = images.clone()
    logits = steganalyzer(images)
    assert torch.equal(images, before) and torch.equal(steganalyzer(images), logits)
    tolerance = 1e-4 * max(1.0, logits.abs().max().item())
    assert torch.allclose(steganalyzer(images[1:2]), logits[1:2], atol=tolerance)
    assert torch.allclose(steganalyzer(images.contiguous(memory_format=torch.channels_last)), logits, atol=tolerance)


@every_steganalyzer
@torch.no_grad()
def test_the_config_and_the_state_rebuild_the_steganalyzer(name):
    steganalyzer = detector(name)
    assert all(type(value) in (int, float, str, bool) for value in steganalyzer.config.values())
    assert steganalyzer.config.keys() == inspect.signature(type(steganalyzer)).parameters.keys()
    again = networks[name](**steganalyzer.config).eval()
    again.load_state_dict(steganalyzer.state_dict())
    image = faint(1, 3, steganalyzer.least, steganalyzer.least)
    assert torch.equal(again(image), steganalyzer(image))
    assert networks.name_of(type(steganalyzer)) == name and inspect.getdoc(type(steganalyzer))
    with pytest.raises(TypeError):
        networks[name](no_such_argument=1)


@every_steganalyzer
def test_gradients_reach_the_image_and_every_weight(name):
    steganalyzer = detector(name).train()
    image = faint(4, 3, steganalyzer.least, steganalyzer.least).requires_grad_()
    F.cross_entropy(steganalyzer(image), torch.tensor([COVER, STEGO, COVER, STEGO])).backward()
    assert image.grad.isfinite().all() and (image.grad != 0).float().mean() > 0.5  # a hider learns from all of it
    for key, parameter in steganalyzer.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any(), key


@every_steganalyzer
def test_strong_noise_is_soon_learned(name):
    """As built, smooth covers and the same with noise are told apart after some steps, in evaluation mode, on images never seen."""
    torch.manual_seed(0)
    steganalyzer = networks[name]()
    optimizer = torch.optim.Adam(steganalyzer.parameters(), 1e-3)
    side = steganalyzer.least
    count = 8 if side <= 64 else 2
    labels = torch.tensor([COVER, STEGO]).repeat_interleave(count)

    def batch() -> Tensor:
        covers = F.interpolate(torch.rand(count, 3, 4, 4), size=(side, side), mode="bicubic").clamp(0.1, 0.9)
        stegos = covers + torch.randint(-30, 31, (count, 1, side, side)) / 255
        return quantize(torch.cat([covers, stegos]))

    def learned() -> bool:
        with torch.no_grad():
            for _ in range(10):  # statistics of the weights as they are now
                steganalyzer(batch())
            right = [(steganalyzer.eval()(batch()).argmax(dim=1) == labels).float().mean() for _ in range(3)]
        steganalyzer.train()
        return sum(right) / len(right) > 0.9

    for step in range(60):
        optimizer.zero_grad()
        F.cross_entropy(steganalyzer(batch()), labels).backward()
        optimizer.step()
        if step % 15 == 14 and learned():
            return
    raise AssertionError("not learned")

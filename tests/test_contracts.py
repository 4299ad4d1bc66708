"""What every part owes its contract, run over the registries: a new hider, steganalyzer or loss is tested by being there."""

import inspect
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from conftest import stirred
from torch import Tensor, nn
from torch.nn import functional as F

from isgan.color import luma, rgb_to_ycbcr
from isgan.detectors.networks import networks
from isgan.detectors.networks.base import COVER, STEGO, Steganalyzer
from isgan.errors import IsganError
from isgan.hiders import hiders
from isgan.hiders.base import Hider, Hiding, LumaHider
from isgan.layers.quantize import quantize, quantize_luma
from isgan.losses import losses
from isgan.losses.base import HidingLoss, LossTerms
from isgan.registry import Registry

# Every registered hider as it is built by default, and what else is worth a run. A new part needs no line here.
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "atique": [{"residual": 0.2}],
    "baluja": [{"width": 4, "residual": 0.2}],
    "isgan": [{"residual": 0.2}],
    "qim": [
        {"stages": 1, "hidden": 8, "blocks": 4},
        {"hidden": 8, "blocks": 1, "dial": True},
        *({"stages": 2, "hidden": 8, "blocks": 1, "dial": True, "conditioning": name} for name in ("film", "mixture", "weights")),
    ],
    "wavelet": [
        {"blocks": 1, "hidden": 8},
        {"blocks": 1, "hidden": 8, "apart": True},
        {"blocks": 1, "hidden": 8, "apart": True, "gamut": True},
        {"blocks": 2, "hidden": 8, "levels": 1, "subnet": "depthwise"},
        {"blocks": 1, "hidden": 8, "levels": 3, "subnet": "gated"},
        {"blocks": 1, "hidden": 8, "subnet": "residual", "clamp": 0.0},
        *({"blocks": 1, "hidden": 8, "levels": levels, "transform": "cdf53"} for levels in (1, 2, 3)),
        {"blocks": 1, "hidden": 8, "transform": "learned", "apart": True},
        {"blocks": 1, "hidden": 8, "enhance": True},
    ],
}


class Case(NamedTuple):
    name: str
    config: dict[str, Any]

    def build(self) -> Hider:
        """In evaluation mode, with random weights and statistics that all matter."""
        return stirred(hiders[self.name](**self.config)).eval()

    def __str__(self) -> str:
        return self.name + "".join(f"-{key}={value}" for key, value in self.config.items())


CASES = [Case(name, config) for name in hiders.names() for config in [{}, *OPTIONS.get(name, [])]]
every_hider = pytest.mark.parametrize("case", CASES, ids=str)
every_trainable = pytest.mark.parametrize("case", [case for case in CASES if hiders[case.name].trainable], ids=str)
LUMA = [case for case in CASES if issubclass(hiders[case.name], LumaHider) or case.name == "qim"]
every_luma = pytest.mark.parametrize("case", [case for case in LUMA if not case.config.get("apart")], ids=str)
CLIPPED = [case for case in LUMA if case.config.get("apart") and not case.config.get("gamut")]
every_apart = pytest.mark.parametrize("case", CLIPPED, ids=str)


def eight_bit(*shape: int, seed: int = 0) -> Tensor:
    """Random images with all values from black to white, on the 8-bit grid."""
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(seed)).float() / 255


def pair(height: int, width: int, batch: int = 1) -> tuple[Tensor, Tensor]:
    return eight_bit(batch, 3, height, width), eight_bit(batch, 1, height, width, seed=1)


def on_grid(image: Tensor) -> bool:
    """Exactly the values that an 8-bit file gives back."""
    levels = (image * 255).round()
    return torch.equal(image, levels / 255) and levels.min() >= 0 and levels.max() <= 255


# ---------------------------------------------------------------------- hiders


@every_hider
@pytest.mark.parametrize("size", [(32, 32), (33, 47)])
@torch.no_grad()
def test_shapes_types_and_range(case, size):
    hider = case.build()
    cover, secret = pair(*size, batch=2)
    stego = hider.hide(cover, secret)
    hiding = hider(cover, secret)
    assert isinstance(hiding, Hiding)
    for image in (stego, hiding.stego):
        assert image.shape == cover.shape and image.dtype == torch.float32 and image.isfinite().all()
    assert hiding.revealed.shape == secret.shape and hiding.revealed.dtype == torch.float32 and hiding.revealed.isfinite().all()
    assert on_grid(hiding.stego)
    assert torch.equal(hiding.stego, hider.round(stego)) and torch.equal(hiding.stego, hider.hide_in_8_bits(cover, secret))
    assert torch.allclose(hiding.revealed, hider.reveal(hiding.stego), atol=1e-4)
    assert not torch.equal(hiding.stego, cover)


@every_hider
@torch.no_grad()
def test_strengths(case):
    """From faint to faithful the stego image moves away from the cover; beyond the ends, and without a dial, it is refused."""
    hider = case.build()
    cover, secret = pair(64, 64)
    errors = []
    for strength in range(1, hider.strengths + 1):
        hider.set_strength(strength)
        hiding = hider(cover, secret)
        assert torch.allclose(hiding.revealed, hider.reveal(hiding.stego), atol=1e-4)
        errors.append((hiding.stego - cover).square().mean().item())
    assert errors == sorted(set(errors))
    for strength in (0, hider.strengths + 1):
        with pytest.raises(IsganError, match="strength"):
            hider.set_strength(strength)


@every_hider
@torch.no_grad()
def test_arguments_are_left_alone(case):
    cover, secret = pair(32, 36)
    before = cover.clone(), secret.clone()
    stego = case.build().hide(cover, secret)
    kept = stego.clone()
    case.build().reveal(stego)
    assert torch.equal(cover, before[0]) and torch.equal(secret, before[1]) and torch.equal(stego, kept)


@every_hider
@torch.no_grad()
def test_the_secret_matters_and_so_does_the_stego_image(case):
    hider = case.build()
    cover, secret = pair(32, 32)
    stego = hider.hide(cover, secret)
    assert not torch.equal(stego, hider.hide(cover, 1 - secret))
    assert not torch.equal(hider.reveal(stego), hider.reveal(1 - stego))


@every_hider
@torch.no_grad()
def test_an_image_does_not_depend_on_its_batch(case):
    hider = case.build()
    cover, secret = pair(32, 36, batch=2)
    both = hider(cover, secret)
    tolerance = 1e-4 * max(1.0, both.revealed.abs().max().item())  # stirred weights reveal values far from [0, 1]
    for i in range(2):
        one = slice(i, i + 1)
        assert torch.allclose(hider.hide(cover, secret)[one], hider.hide(cover[one], secret[one]), atol=1e-4)
        assert torch.allclose(both.revealed[one], hider.reveal(both.stego[one]), atol=tolerance)


@every_hider
@pytest.mark.parametrize("error", [-1e-6, 1e-6])
@torch.no_grad()
def test_a_floating_point_error_reveals_nothing_else(case, error):
    hider = case.build()
    cover, secret = pair(32, 36)
    stego = hider(cover, secret).stego
    assert torch.allclose(hider.reveal(stego + error), hider.reveal(stego), atol=1e-2)


@every_hider
@torch.no_grad()
def test_deterministic(case):
    hider = case.build()
    images = pair(32, 36)
    first, second = hider(*images), hider(*images)
    assert torch.equal(first.stego, second.stego) and torch.equal(first.revealed, second.revealed)


@every_hider
@torch.no_grad()
def test_the_config_and_the_state_rebuild_the_hider(case):
    hider = case.build()
    assert all(type(value) in (int, float, str, bool) for value in hider.config.values())
    assert not hider.trainable or hider.config.keys() == inspect.signature(type(hider)).parameters.keys()
    assert case.config.items() <= hider.config.items()
    again = hiders[case.name](**hider.config).eval()
    assert again.config == hider.config and again.halo == hider.halo and again.multiple == hider.multiple
    again.load_state_dict(hider.state_dict())
    images = pair(32, 36)
    for ours, theirs in zip(hider(*images), again(*images), strict=True):
        assert torch.equal(ours, theirs)


@every_hider
def test_unknown_arguments_are_refused(case):
    with pytest.raises(TypeError):
        hiders[case.name](**case.config, no_such_argument=1)


@every_hider
def test_trainable_says_whether_there_are_weights(case):
    hider = hiders[case.name](**case.config)
    assert hider.trainable == any(True for _ in hider.parameters())
    assert hiders.name_of(type(hider)) == case.name
    assert inspect.getdoc(type(hider))


@contextmanager
def plain_convolutions() -> Iterator[None]:
    """Convolutions as matrix products, so that no output sees more than it has to (a fast algorithm may, by rounding)."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch remarks on TF32 when the switch is read
        with torch.backends.mkldnn.flags(enabled=False):
            yield


def spread(before: Tensor, after: Tensor, column: int) -> int:
    """How far from `column` two results still differ."""
    differs = ~((before == after) | (before.isnan() & after.isnan()))
    columns = differs.flatten(0, 2).any(dim=0).nonzero().flatten()
    return int((columns - column).abs().max()) if len(columns) else -1


@every_hider
@pytest.mark.parametrize("value", [1.0, float("nan")])
def test_the_halo_is_honest(case, value):
    """A pixel farther away than `halo` changes nothing. NaN shows every path, whatever the weights on it."""
    hider = case.build()
    if value != value and not hider.trainable:
        pytest.skip("integer arithmetic has no NaN")
    side = hider.multiple
    height, half = 3 * side, (hider.halo // side + 2) * side
    width = 2 * half + 1  # and so padded
    cover, secret = (0.2 + image * 0.5 for image in pair(height, width))
    with plain_convolutions():
        stego, revealed = hider.hide(cover, secret), hider.reveal(cover)
        hiding, revealing = [], []
        for column in {half, half + side - 1}:  # the first and the last pixel of a block
            for changed in (cover, secret):
                other = changed.clone()
                other[..., column] = value
                pictures = (other, secret) if changed is cover else (cover, other)
                hiding.append(spread(stego, hider.hide(*pictures), column))
            other = cover.clone()
            other[..., column] = value
            revealing.append(spread(revealed, hider.reveal(other), column))
    assert (0 if value == value else -1) <= max(hiding + revealing) <= hider.halo and max(revealing) <= hider.reveal_halo
    # A halo far above what is needed makes every tile of a large image slower. Not every hider has one of its own to reveal.
    claims = [(hiding + revealing, hider.halo), (revealing, hider.reveal_halo)][: 1 + (hider.reveal_halo < hider.halo)]
    for reach, halo in claims:
        assert value == value or max(reach) in (-1, *range(halo * 3 // 4 - 4 * side, halo + 1))


@every_hider
def test_tiles_on_the_grid_with_a_halo_equal_the_whole(case):
    hider = case.build()
    side = hider.multiple
    halo = -(-hider.halo // side) * side
    start, kept = 3 * side, 5 * side
    cover, secret = pair(2 * side, start + halo + kept + halo + 2 * side)
    tile = slice(start, start + halo + kept + halo)
    inside = slice(start + halo, start + halo + kept)
    with plain_convolutions():
        whole = hider.hide(cover, secret)
        part = hider.hide(cover[..., tile], secret[..., tile])
        assert torch.allclose(part[..., halo : halo + kept], whole[..., inside], atol=1e-4)
        part = hider.reveal(cover[..., tile])
        assert torch.allclose(part[..., halo : halo + kept], hider.reveal(cover)[..., inside], atol=1e-4, rtol=1e-4)


@every_trainable
@torch.no_grad()
def test_only_training_rounds_in_part(case):
    """Between clipped and rounded, and never where the hider is used."""
    hider = case.build()
    images = pair(32, 36)
    whole = hider(*images)
    hider.rounding = 0.25
    for used, as_ever in zip(hider(*images), whole, strict=True):
        assert torch.equal(used, as_ever)
    if case.name == "qim":
        return  # it rounds symbols
    for module in hider.modules():
        module.training = module is hider  # BatchNorm stays as it is
    exact = hider.hide(*images).clamp(0, 1)
    assert torch.allclose(hider(*images).stego, exact + 0.25 * (hider.round(exact) - exact), atol=1e-6)
    hider.rounding = 0.0
    assert torch.allclose(hider(*images).stego, exact, atol=1e-6)
    hider.rounding = 1.0
    assert torch.equal(hider(*images).stego, whole.stego)


@every_trainable
@pytest.mark.parametrize("loss", losses.names())
def test_every_weight_gets_a_finite_gradient(case, loss):
    hider = case.build().train()
    cover, secret = (0.25 + image / 2 for image in pair(32, 32, batch=2))
    for batch in range(
        40 if case.config.get("conditioning") == "weights" else 1
    ):  # the cover draws the strength, whose weights alone get one
        hiding = hider((cover * 255 + batch).round() / 255 if batch else cover, secret)
        losses[loss]()(cover, hiding.stego, secret, hiding.revealed).total.backward()
    for name, parameter in hider.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@every_trainable
def test_training_starts(case):
    """As built, before any randomisation: what both ends need to learn is reached by a gradient."""
    torch.manual_seed(0)
    hider = hiders[case.name](**case.config)
    cover, secret = pair(32, 32, batch=2)
    hiding = hider(cover, secret)
    (hiding.stego - cover).square().mean().add((hiding.revealed - secret).square().mean()).backward()
    gradients = [parameter.grad for parameter in hider.parameters() if parameter.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert any(gradient.any() for gradient in gradients)


# ---------------------------------------------------------------------- hiders that change Y alone


@every_luma
@torch.no_grad()
def test_the_chroma_is_the_covers(case):
    cover, secret = pair(33, 47)
    stego = case.build().hide(cover, secret)
    before, after = rgb_to_ycbcr(cover.double()), rgb_to_ycbcr(stego.double())
    assert (after[:, 1:] - before[:, 1:]).abs().max() < 1e-6
    assert (after[:, 0] - before[:, 0]).abs().max() > 1 / 255
    assert stego.min() >= 0 and stego.max() <= 1


@every_luma
@torch.no_grad()
def test_one_whole_number_is_added_to_red_green_and_blue(case):
    cover, secret = pair(33, 47)
    change = ((case.build()(cover, secret).stego - cover) * 255).round()
    assert torch.equal(change[:, 0], change[:, 1]) and torch.equal(change[:, 0], change[:, 2])
    assert change.unique().numel() > 3


@every_apart
@torch.no_grad()
def test_apart_each_channel_moves_as_far_as_it_can(case):
    """What clipping takes, it takes from the channels that have no room; rounding moves each by less than a level."""
    cover, secret = pair(33, 47)
    hider = case.build()
    stego = hider.hide(cover, secret)
    height, width = cover.shape[-2:]
    padded = (F.pad(image, (0, 1, 0, 3), mode="replicate") for image in (luma(cover), secret))
    change = hider.encode(*padded)[..., :height, :width] - luma(cover)
    assert torch.allclose(stego, (cover + change).clamp(0, 1), atol=1e-6)
    saved = hider.round(stego)
    assert (255 * (saved - stego)).abs().max() < 1.01
    assert (255 * luma(saved - stego)).square().mean().sqrt() < 0.06


class Pushing(LumaHider):
    """Encodes Y + push; on a grid of 4, so that odd sizes are padded."""

    multiple = 4

    def __init__(self, push: float):
        super().__init__(push=push)
        self.push = push

    def encode(self, y: Tensor, secret: Tensor) -> Tensor:
        assert y.shape == secret.shape and all(side % 4 == 0 for side in y.shape[-2:])
        return y + self.push

    def decode(self, y: Tensor) -> Tensor:
        assert all(side % 4 == 0 for side in y.shape[-2:])
        return y


@pytest.mark.parametrize("push", [-2.0, -0.3, 0.1, 0.3, 2.0])
@pytest.mark.parametrize("size", [(8, 8), (5, 7)])
def test_nothing_is_pushed_over_the_edge(push, size):
    """A change of Y is cut to what the brightest and the darkest channel have room for, and no more than that."""
    cover, secret = pair(*size)
    cover[..., 0, :2] = torch.tensor([0.0, 1.0])
    hider = Pushing(push)
    stego = hider.hide(cover, secret)
    assert stego.min() >= 0 and stego.max() <= 1
    room = 1 - cover.amax(dim=1) if push > 0 else cover.amin(dim=1)
    assert torch.allclose((stego - cover)[:, 0].abs(), room.clamp(max=abs(push)), atol=1e-6)
    assert torch.allclose(hider.reveal(stego), luma(stego))


def test_the_last_row_and_column_are_repeated():
    seen = []

    class Looking(Pushing):
        def encode(self, y: Tensor, secret: Tensor) -> Tensor:
            seen.append((y, secret))
            return y

    cover, secret = pair(5, 6)
    Looking(0.0).hide(cover, secret)
    for image, padded in zip((luma(cover), secret), seen[0], strict=True):
        assert padded.shape == (1, 1, 8, 8) and torch.equal(padded[..., :5, :6], image)
        assert torch.equal(padded[..., 5:, :6], image[..., -1:, :].expand(1, 1, 3, 6))
        assert torch.equal(padded[..., :, 6:], padded[..., :, 5:6].expand(1, 1, 8, 2))


# ---------------------------------------------------------------------- substitution of low bits


def dB(x: Tensor, y: Tensor) -> float:
    return float(-10 * (x - y).square().mean().log10())


def test_lsb332_is_exact():
    cover, secret = pair(64, 64)
    secret.view(-1)[:256] = torch.arange(256) / 255
    hiding = hiders["lsb332"]()(cover, secret)
    assert torch.equal(hiding.revealed, secret)
    assert dB(hiding.stego, cover) == pytest.approx(39.5, abs=0.5)


def test_lsb121_keeps_the_top_four_bits():
    cover, secret = pair(64, 64)
    hiding = hiders["lsb121"]()(cover, secret)
    revealed, levels = hiding.revealed * 255, (secret * 255).round()
    assert torch.equal((revealed / 16).floor(), (levels / 16).floor())
    assert (revealed - levels).abs().max() <= 7.5 + 1e-3
    assert dB(hiding.stego, cover) == pytest.approx(47.6, abs=0.5) and dB(hiding.revealed, secret) == pytest.approx(34.8, abs=0.5)


@pytest.mark.parametrize("name", ["lsb332", "lsb121"])
def test_only_the_low_bits_change(name):
    hider = hiders[name]()
    cover, secret = pair(32, 32)
    before, after = ((image * 255).round().long() for image in (cover, hider.hide(cover, secret)))
    for channel, bits in enumerate(hider.bits):
        assert torch.equal(before[:, channel] >> bits, after[:, channel] >> bits)
        assert (before[:, channel] ^ after[:, channel]).max() == 2**bits - 1
    # Values between two levels count as the nearest.
    assert torch.equal(hider.hide(cover - 0.4 / 255, secret - 0.4 / 255), hider.hide(cover, secret))
    assert torch.equal(hider.reveal(cover - 0.4 / 255), hider.reveal(cover))


# ---------------------------------------------------------------------- steganalyzers


every_steganalyzer = pytest.mark.parametrize("name", networks.names())


def detector(name: str) -> Steganalyzer:
    """In evaluation mode, with random weights and statistics that all matter; what is fixed, like a filter, is left as built."""
    steganalyzer = networks[name]()
    fixed = {key: value.clone() for key, value in steganalyzer.named_buffers() if ".running_" not in key}
    stirred(steganalyzer).load_state_dict(fixed, strict=False)
    return steganalyzer.eval()


@every_steganalyzer
@pytest.mark.parametrize("size", [None, (65, 97), (256, 256)])
@torch.no_grad()
def test_two_logits_for_any_size(name, size):
    steganalyzer = detector(name)
    assert isinstance(steganalyzer, Steganalyzer) and (COVER, STEGO) == (0, 1)
    logits = steganalyzer(eight_bit(3, 3, *(size or (steganalyzer.least, steganalyzer.least))))
    assert logits.shape == (3, 2) and logits.dtype == torch.float32 and logits.isfinite().all()
    assert logits.unique(dim=0).shape == (3, 2)  # the image matters


@every_steganalyzer
def test_too_small_images_are_refused(name):
    steganalyzer = detector(name)
    least = steganalyzer.least
    assert least <= 64
    for height, width in ((least - 1, least), (least, least - 1), (1, 1)):
        with pytest.raises(IsganError, match=f"{width} x {height}.* at least {least} pixels a side, take larger"):
            steganalyzer(eight_bit(1, 3, height, width))


@every_steganalyzer
@torch.no_grad()
def test_a_verdict_depends_on_nothing_but_the_image(name):
    """Not on the rest of the batch, not on the memory's layout, not on what was asked before; and the images are left alone."""
    steganalyzer = detector(name)
    images = eight_bit(3, 3, 64, 70)
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
    assert torch.equal(again(eight_bit(1, 3, 64, 64)), steganalyzer(eight_bit(1, 3, 64, 64)))
    assert networks.name_of(type(steganalyzer)) == name and inspect.getdoc(type(steganalyzer))
    with pytest.raises(TypeError):
        networks[name](no_such_argument=1)


@every_steganalyzer
def test_gradients_reach_the_image_and_every_weight(name):
    steganalyzer = detector(name).train()
    image = eight_bit(4, 3, 64, 64).requires_grad_()
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
    labels = torch.tensor([COVER, STEGO]).repeat_interleave(8)

    def batch() -> Tensor:
        covers = F.interpolate(torch.rand(8, 3, 4, 4), size=(64, 64), mode="bicubic").clamp(0.1, 0.9)
        stegos = covers + torch.randint(-30, 31, (8, 1, 64, 64)) / 255
        return quantize(torch.cat([covers, stegos]))

    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(steganalyzer(batch()), labels).backward()
        optimizer.step()
    with torch.no_grad():
        for _ in range(20):  # statistics of the weights as they are now
            steganalyzer(batch())
        assert (steganalyzer.eval()(batch()).argmax(dim=1) == labels).float().mean() > 0.9


# ---------------------------------------------------------------------- losses


every_loss = pytest.mark.parametrize("name", losses.names())


def four(side: int, seed: int = 3) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """cover, stego, secret, revealed: two pairs, both ends off by noise."""
    noise = torch.Generator().manual_seed(seed)
    cover, secret = (0.2 + 0.6 * image for image in pair(side, side, batch=2))
    return cover, cover + 0.1 * torch.randn(cover.shape, generator=noise), secret, secret + 0.1 * torch.randn(secret.shape, generator=noise)


@every_loss
def test_terms(name):
    loss = losses[name]()
    assert isinstance(loss, HidingLoss) and losses.name_of(type(loss)) == name and inspect.getdoc(type(loss))
    cover, stego, secret, revealed = four(32)
    terms = loss(cover, stego, secret, revealed)
    assert isinstance(terms, LossTerms)
    assert all(term.shape == () and term.isfinite() for term in terms)
    # Each end's part depends on that end alone, and the total grows with the secret's by a fixed weight.
    worse = loss(cover, stego, secret, 1 - revealed)
    assert worse.cover == terms.cover and worse.secret > terms.secret
    weight = (worse.total - terms.total) / (worse.secret - terms.secret)
    assert weight > 0
    elsewhere = loss(cover, cover, secret, revealed)
    assert elsewhere.secret == terms.secret and elsewhere.cover < terms.cover
    assert torch.allclose(terms.total - weight * terms.secret, terms.cover, atol=1e-5)


@every_loss
@pytest.mark.parametrize("side", [16, 29, 64])
@pytest.mark.parametrize("kind", ["equal", "inverted", "noise", "flat", "black"])
def test_gradients_of_losses_are_finite(name, side, kind):
    cover, stego, secret, revealed = four(side)
    make = {
        "equal": lambda image, _: image,
        "inverted": lambda image, _: 1 - image,
        "noise": lambda _, other: other,
        "flat": lambda image, _: torch.full_like(image, 0.5),
        "black": lambda image, _: torch.zeros_like(image),
    }[kind]
    stego, revealed = (make(*images).clone().requires_grad_() for images in ((cover, stego), (secret, revealed)))
    loss = losses[name]()
    terms, least = loss(cover, stego, secret, revealed), loss(cover, cover, secret, secret)
    terms.total.backward()
    assert stego.grad.isfinite().all() and revealed.grad.isfinite().all()
    if kind != "equal":
        assert all(term > minimum + 1e-3 for term, minimum in zip(terms, least, strict=True))
        assert revealed.grad.any() and stego.grad.any()


@every_loss
@pytest.mark.parametrize("side", [16, 64])
def test_the_nearer_the_smaller(name, side):
    loss = losses[name]()
    cover, stego, secret, revealed = four(side)
    for end in ("stego", "revealed"):
        totals = []
        for share in (1.0, 0.5, 0.25, 0.0):
            images = [cover, cover + share * (stego - cover), secret, revealed] if end == "stego" else [
                cover, stego, secret, secret + share * (revealed - secret)]  # fmt: skip
            totals.append(loss(*images).total.item())
        assert totals == sorted(totals, reverse=True) and len(set(totals)) == 4


@every_loss
def test_a_step_down_the_gradient_helps(name):
    loss = losses[name]()
    cover, stego, secret, revealed = four(32)
    stego.requires_grad_(), revealed.requires_grad_()
    before = loss(cover, stego, secret, revealed)
    before.total.backward()
    with torch.no_grad():
        after = loss(cover, stego - 0.1 * stego.grad, secret, revealed - 0.1 * revealed.grad)
    assert after.total < before.total and after.cover < before.cover and after.secret < before.secret


# ---------------------------------------------------------------------- quantize


def test_quantize_rounds_to_the_nearest():
    levels = torch.arange(256, dtype=torch.float64)
    for offset in (-0.49, -0.2, 0.0, 0.2, 0.49):
        assert torch.equal(quantize((levels + offset) / 255), levels / 255)
    assert quantize(torch.tensor([-3.0, -0.01, 1.01, 3.0])).tolist() == [0, 0, 1, 1]
    values = quantize(torch.rand(10_000), 63).unique()
    assert len(values) == 64 and torch.allclose(values * 63, torch.arange(64.0), atol=1e-4)


def test_quantize_luma_takes_the_best_of_the_eight_ways_to_round():
    """Against trying them all, pixel by pixel."""
    image = torch.rand(1, 3, 20, 30)
    image[..., 0, :9] = torch.tensor([1.2, 1.0, 0.999, 0.9985, 0.5, 0.001, 0.0, -0.1, 254 / 255])
    image[:, 1:, 1] = torch.tensor([1.0, 0.9993]).view(1, 2, 1)
    saved = quantize_luma(image)
    assert on_grid(saved)
    wanted = (image.clamp(0, 1) * 255).double()
    ways = [torch.stack(way, dim=1) for way in product(*([c.floor(), c.ceil()] for c in wanted.unbind(dim=1)))]
    least = torch.stack([luma(way - wanted).abs() for way in ways]).amin(dim=0)
    assert torch.allclose(luma(saved.double() * 255 - wanted).abs(), least, atol=2e-3)
    assert (saved * 255 - wanted).abs().max() <= 1.001


def test_quantize_luma_leaves_8_bit_images_alone_and_passes_the_gradient():
    image = eight_bit(2, 3, 16, 16).requires_grad_()
    saved = quantize_luma(image)
    assert torch.equal(saved, image)
    gradient = torch.randn(image.shape)
    saved.backward(gradient)
    assert torch.equal(image.grad, gradient)


def test_quantize_passes_the_gradient_as_it_is():
    image = torch.tensor([-0.5, 0.1, 0.3002, 1.2], requires_grad=True)
    gradient = torch.tensor([1.0, -2.0, 3.0, 4.0])
    quantize(image).backward(gradient)
    assert torch.equal(image.grad, gradient)


# ---------------------------------------------------------------------- the registry


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty package called `menagerie`, with a registry."""
    folder = tmp_path / "menagerie"
    folder.mkdir()
    folder.joinpath("__init__.py").write_text('from isgan.registry import Registry\n\nbeasts = Registry("beast", "menagerie")\n')
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "menagerie"]:
        del sys.modules[name]


def beast(package: Path, file: str, *names: str) -> None:
    lines = ["from menagerie import beasts"]
    for name in names:
        lines += [f'@beasts.register("{name}")', f"class {name.title()}:", "    pass"]
    package.joinpath(f"{file}.py").write_text("\n".join(lines) + "\n")


def test_adding_a_file_is_enough(package):
    beast(package, "cats", "lynx", "ocelot")
    beast(package, "birds", "heron")
    from menagerie import beasts

    assert "menagerie.cats" not in sys.modules  # nothing is imported until a name is asked for
    assert beasts.names() == ["heron", "lynx", "ocelot"]
    assert beasts["lynx"].__name__ == "Lynx" and beasts.name_of(beasts["lynx"]) == "lynx"


def test_unknown_names(package):
    beast(package, "cats", "lynx", "ocelot")
    from menagerie import beasts

    with pytest.raises(IsganError, match=r"^unknown beast 'ozelot': did you mean 'ocelot'\?$"):
        beasts["ozelot"]
    with pytest.raises(IsganError, match=r"^unknown beast 'whale': known: lynx, ocelot$"):
        beasts["whale"]


def test_an_empty_registry(package):
    from menagerie import beasts

    assert beasts.names() == []
    with pytest.raises(IsganError, match="known: none"):
        beasts["lynx"]


def test_two_parts_of_one_name(package):
    beast(package, "cats", "lynx")
    beast(package, "more_cats", "lynx")
    from menagerie import beasts

    with pytest.raises(ValueError, match="two beasts are called 'lynx'"):
        beasts.names()


def test_a_part_that_does_not_import_is_not_passed_over(package):
    beast(package, "cats", "lynx")
    package.joinpath("dogs.py").write_text("import no_such_module_anywhere\n")
    from menagerie import beasts

    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
            beasts.names()


def test_a_subclass_has_no_name_of_its_own():
    class Fork(hiders["isgan"]):
        pass

    with pytest.raises(IsganError, match="not a registered hider"):
        hiders.name_of(Fork)


@pytest.mark.parametrize("registry", [hiders, networks, losses], ids=lambda registry: registry.kind)
def test_every_file_of_a_folder_registers_something(registry: Registry):
    folder = Path(sys.modules[registry.package].__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "base"}
    assert files == {registry[name].__module__.rsplit(".", 1)[1] for name in registry.names()}


def test_importing_a_folder_imports_none_of_its_parts():
    code = "import sys, isgan.losses; sys.exit('torch' in sys.modules or 'isgan.losses.mse' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

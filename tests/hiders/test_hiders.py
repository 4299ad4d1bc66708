"""What every hider owes its contract, run over the registry: a new one is tested by being there."""

import inspect
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
import torch
from conftest import stirred
from images import on_grid, pair
from torch import Tensor
from torch.nn import functional as F

from isgan.color import luma, rgb_to_ycbcr
from isgan.errors import IsganError
from isgan.hiders import hiders
from isgan.hiders.base import Dialled, Hider, Hiding, LumaHider
from isgan.losses import losses

LARGE = 2_000_000  # parameters


class Case(NamedTuple):
    name: str
    config: dict[str, Any]

    def build(self) -> Hider:
        """In evaluation mode, with random weights and statistics that all matter."""
        return stirred(hiders[self.name](**self.config)).eval()

    def __str__(self) -> str:
        return self.name + "".join(f"-{key}={value}" for key, value in self.config.items())


def smallest(name: str) -> dict[str, int]:
    """A hider's whole numbers, each as small as its constructor takes it."""
    parameters = inspect.signature(hiders[name]).parameters.values()
    config = {parameter.name: parameter.default for parameter in parameters if type(parameter.default) is int}
    for key, most in config.items():
        for value in range(most):
            try:
                hiders[name](**config | {key: value})
            except IsganError:
                continue
            config[key] = value
            break
    return config


def cases(name: str) -> list[Case]:
    """A hider as it is built by default, if that is not too slow here, as small as can be, and with a residual output
    if it has one."""
    small = smallest(name)
    size = sum(parameter.numel() for parameter in hiders[name]().parameters())
    residual = "residual" in inspect.signature(hiders[name]).parameters
    configs = [*[{}] * (not small or size < LARGE), *[small] * bool(small), *[small | {"residual": 0.2}] * residual]
    return [Case(name, config) for config in configs]


CASES = [case for name in hiders.names() for case in cases(name)]
every_hider = pytest.mark.parametrize("case", CASES, ids=str)
every_trainable = pytest.mark.parametrize("case", [case for case in CASES if hiders[case.name].trainable], ids=str)
every_dial = pytest.mark.parametrize(
    "case", [case for case in CASES if issubclass(hiders[case.name], Dialled)], ids=str
)
LUMA = [case for case in CASES if issubclass(hiders[case.name], LumaHider)]
every_luma = pytest.mark.parametrize("case", [case for case in LUMA if not hiders[case.name].apart], ids=str)
every_apart = pytest.mark.parametrize("case", [case for case in LUMA if hiders[case.name].apart], ids=str)


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
    assert (
        hiding.revealed.shape == secret.shape
        and hiding.revealed.dtype == torch.float32
        and hiding.revealed.isfinite().all()
    )
    assert on_grid(hiding.stego)
    assert torch.equal(hiding.stego, hider.round(stego)) and torch.equal(
        hiding.stego, hider.hide_in_8_bits(cover, secret)
    )
    assert torch.allclose(hiding.revealed, hider.reveal(hiding.stego), atol=1e-4)
    assert not torch.equal(hiding.stego, cover)


@every_dial
@torch.no_grad()
def test_strengths(case):
    """From faint to faithful the stego image moves away from the cover; beyond the ends it is refused."""
    hider = case.build()
    cover, secret = pair(64, 64)
    errors = []
    for strength in range(1, hider.strengths + 1):
        view = hider.at(strength)
        assert (view.strength, view.color) == (strength, False)
        hiding = view(cover, secret)
        assert torch.allclose(hiding.revealed, view.reveal(hiding.stego), atol=1e-4)
        errors.append((hiding.stego - cover).square().mean().item())
    assert errors == sorted(set(errors))
    for strength in (0, hider.strengths + 1, 1.5, "auto"):
        with pytest.raises(IsganError, match=f"strengths 1 to {hider.strengths}, not {strength}"):
            hider.at(strength)
    with pytest.raises(IsganError, match=f"1 to {hider.color_strengths} for secrets in colour, not"):
        hider.at(hider.color_strengths + 1, color=True)


@every_dial
@torch.no_grad()
def test_a_view_shares_the_parameters_and_changes_nothing(case):
    hider = case.build()
    images = pair(32, 36)
    before = hider.strength, hider.color, hider.halo, hider.multiple, hider(*images).stego
    view = hider.at(1)
    hider.at(hider.color_strengths, color=True)
    assert all(mine is theirs for mine, theirs in zip(hider.parameters(), view.parameters(), strict=True))
    assert (hider.strength, hider.color, hider.halo, hider.multiple) == before[:4] and torch.equal(
        hider(*images).stego, before[4]
    )


@every_dial
def test_two_threads_share_one_model(case):
    """Each at its own settings, from the first one on, when nothing is kept yet."""
    cover, secret = pair(32, 36)
    alone, shared = case.build().requires_grad_(False), case.build().requires_grad_(False)
    with torch.no_grad():
        expected = {strength: alone.at(strength)(cover, secret) for strength in range(1, alone.strengths + 1)}
    start, wrong = threading.Barrier(2), []

    def work(strengths: list[int]) -> None:
        with torch.no_grad():
            start.wait()
            for strength in strengths * 3:
                made = shared.at(strength)(cover, secret)
                if not all(torch.allclose(a, b, atol=1e-4) for a, b in zip(made, expected[strength], strict=True)):
                    wrong.append(strength)

    order = list(expected)
    threads = [threading.Thread(target=work, args=(strengths,)) for strengths in (order, order[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


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
    """Convolutions as matrix products, so that no output sees more than it has to (a fast algorithm may, by
    rounding)."""
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
    hide = hider.draft if isinstance(hider, Dialled) and value != value else hider.hide  # pixels carry no NaN
    with plain_convolutions():
        stego, revealed = hide(cover, secret), hider.reveal(cover)
        hiding, revealing = [], []
        for column in {half, half + side - 1}:  # the first and the last pixel of a block
            for changed in (cover, secret):
                other = changed.clone()
                other[..., column] = value
                pictures = (other, secret) if changed is cover else (cover, other)
                hiding.append(spread(stego, hide(*pictures), column))
            other = cover.clone()
            other[..., column] = value
            revealing.append(spread(revealed, hider.reveal(other), column))
    assert (0 if value == value else -1) <= max(hiding + revealing) <= hider.halo and max(
        revealing
    ) <= hider.reveal_halo
    # A halo far above what is needed makes every tile of a large image slower. Not every hider has one of its own to
    # reveal.
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
    if isinstance(hider, Dialled):
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
    hiding = hider(cover, secret)
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


def test_a_subclass_has_no_name_of_its_own():
    class Fork(hiders[hiders.names()[0]]):
        pass

    with pytest.raises(IsganError, match="not a registered hider"):
        hiders.name_of(Fork)

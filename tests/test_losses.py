"""The losses' values from the paper's equations, computed here with scikit-image and numpy."""

import math

import numpy as np
import pytest
import torch
from test_quality import noisy, picture, skimage_ms_ssim, skimage_ssim

from isgan.errors import IsganError
from isgan.losses import losses

SIDE = 64  # three scales


@pytest.fixture(scope="module")
def images() -> tuple[torch.Tensor, ...]:
    """cover, stego, secret, revealed; one of each."""
    cover, secret = picture(SIDE, SIDE), picture(SIDE, SIDE, channels=1, seed=2)
    return cover, noisy(cover, 0.06), secret, noisy(secret, 0.12)


def mse(x: torch.Tensor, y: torch.Tensor) -> float:
    return float(np.square(x.double().numpy() - y.double().numpy()).mean())


def ms_ssim_value(x: torch.Tensor, y: torch.Tensor) -> float:
    """The mean of the channels' MS-SSIM."""
    return float(np.mean([skimage_ms_ssim(x[:, i : i + 1], y[:, i : i + 1], 3) for i in range(x.shape[1])]))


def parts(x: torch.Tensor, y: torch.Tensor) -> tuple[float, float, float]:
    """1 - SSIM, 1 - MS-SSIM, MSE: what eq. 10 weighs."""
    return 1 - skimage_ssim(x, y), 1 - ms_ssim_value(x, y), mse(x, y)


def expected(images, alpha: float, one_minus_alpha: float, beta: float, gamma: float) -> tuple[float, float, float]:
    """Eq. 12, 10 and 11."""
    cover, stego, secret, revealed = images
    weights = (alpha, one_minus_alpha, beta)
    on_cover, on_secret = (sum(w * d for w, d in zip(weights, parts(*pair), strict=True)) for pair in ((cover, stego), (secret, revealed)))
    return on_cover + gamma * on_secret, on_cover, on_secret


@pytest.mark.parametrize(
    "options, weights",
    [
        ({}, (0.5, 0.5, 0.3, 0.85)),  # the paper's, and so the defaults
        ({"alpha": 0.5, "beta": 0.3, "gamma": 0.85}, (0.5, 0.5, 0.3, 0.85)),
        ({"alpha": 0.2, "beta": 0.7, "gamma": 1.5}, (0.2, 0.8, 0.7, 1.5)),
        ({"structure": 0.4}, (0.2, 0.2, 0.3, 0.85)),
        # Table 4's five losses.
        ({"structure": 0.0, "beta": 1.0}, (0, 0, 1, 0.85)),
        ({"alpha": 1.0, "beta": 0.0}, (1, 0, 0, 0.85)),
        ({"alpha": 1.0}, (1, 0, 0.3, 0.85)),
        ({"alpha": 0.0}, (0, 1, 0.3, 0.85)),
        ({"alpha": 0.5}, (0.5, 0.5, 0.3, 0.85)),
    ],
)
def test_mixed(images, options, weights):
    terms = losses["mixed"](**options)(*images)
    assert [term.item() for term in terms] == pytest.approx(expected(images, *weights), abs=2e-5)


def test_the_parts_that_are_left_out_are_not_computed(images, monkeypatch):
    import isgan.losses.mixed as module

    def never(*_):
        raise AssertionError

    monkeypatch.setattr(module, "ms_ssim", never)
    losses["mixed"](alpha=1.0)(*images)
    monkeypatch.setattr(module, "ssim", never)
    losses["mixed"](structure=0.0)(*images)


@pytest.mark.parametrize("gamma", [None, 0.3])
def test_mse(images, gamma):
    """Eq. 5."""
    loss = losses["mse"]() if gamma is None else losses["mse"](gamma)
    cover, stego, secret, revealed = images
    on_cover, on_secret = mse(cover, stego), mse(secret, revealed)
    total = on_cover + (0.85 if gamma is None else gamma) * on_secret
    assert [term.item() for term in loss(*images)] == pytest.approx((total, on_cover, on_secret), rel=1e-5)


@pytest.mark.parametrize("options", [{}, {"decibel": 0.05, "structure": 0.2, "gamma": 0.5, "ceiling": 20.0}])
def test_psnr(images, options):
    weights = {"decibel": 0.01, "structure": 0.75, "gamma": 1.0, "ceiling": 50.0} | options
    ends = (images[:2], images[2:])
    on_cover, on_secret = (
        weights["decibel"] * 10 * np.log10(mse(*end) + 10 ** (-ceiling / 10)) + weights["structure"] * (1 - skimage_ssim(*end))
        for end, ceiling in zip(ends, (50.0, weights["ceiling"]), strict=True)
    )
    terms = losses["psnr"](**options)(*images)
    assert [term.item() for term in terms] == pytest.approx((on_cover + weights["gamma"] * on_secret, on_cover, on_secret), abs=2e-5)


@pytest.mark.parametrize("share, count", [(0.01, 1), (0.3, 1), (0.5, 2), (0.75, 3), (1.0, 4)])
def test_hard_pairs(images, share, count):
    """Of four pairs those with the worst secrets count, both ends of them, wherever they are in the batch."""
    cover, stego, secret, revealed = images
    worse = [0.3, 1.0, 0.1, 0.7]
    pairs = [(cover, cover + error * (stego - cover), secret, secret + (1.1 - error) * (revealed - secret)) for error in worse]
    alone = [losses["psnr"](gamma=0.5)(*pair) for pair in sorted(pairs, key=lambda pair: mse(pair[2], pair[3]), reverse=True)]
    terms = losses["psnr"](gamma=0.5, hardest=share)(*(torch.cat(images) for images in zip(*pairs, strict=True)))
    assert [term.item() for term in terms] == pytest.approx(np.mean(alone[:count], axis=0), abs=1e-6)


def test_the_low_frequencies_of_the_stego_image():
    """Means of 4 x 4 pixels: noise that has none of these counts as without it, a change of the brightness most."""
    cover, secret = torch.rand(2, 3, 16, 24), torch.rand(2, 1, 16, 24)
    fine = cover + 0.02 * torch.tensor([1.0, -1.0]).repeat(12)
    bright = cover + 0.02
    plain, low = losses["psnr"](), losses["psnr"](low=0.02)
    for stego, mean in ((fine, 0.0), (bright, 0.02)):
        added = low(cover, stego, secret, secret).cover - plain(cover, stego, secret, secret).cover
        assert added.item() == pytest.approx(0.02 * 10 * math.log10(mean**2 + 1e-5), abs=1e-3)


@pytest.mark.parametrize("hardest", [0.0, -0.5, 1.01, float("nan")])
@pytest.mark.parametrize("name", ["psnr", "masked"])
def test_bounds_of_hard_pairs(name, hardest):
    with pytest.raises(IsganError, match=r"hardest=.* is out of bounds: above 0, at most 1"):
        losses[name](hardest=hardest)


def visibility(cover: torch.Tensor, width: float) -> np.ndarray:
    """(H, W) of one cover, with mean 1: windows of 5 x 5 one by one, cut off at the image's edge."""
    y = np.tensordot([0.299, 0.587, 0.114], cover[0].double().numpy(), axes=1)
    windows = [[y[max(0, i - 2) : i + 3, max(0, j - 2) : j + 3] for j in range(y.shape[1])] for i in range(y.shape[0])]
    seen = np.array([[1 / (1 + window.var() / width**2) for window in row] for row in windows])
    return seen / seen.mean()


@pytest.mark.parametrize("options", [{}, {"width": 0.1, "gamma": 0.5, "decibel": 0.05, "structure": 0.2, "ceiling": 20.0}])
def test_masked(images, options):
    weights = {"decibel": 0.01, "structure": 0.75, "gamma": 1.0, "width": 0.02} | options
    cover, stego, secret, revealed = images
    cover = cover.clone()
    cover[..., :30, :40] = 0.4  # flat, so that the weights differ by more than the picture's own
    squares = np.square((cover - stego).double().numpy()) * visibility(cover, weights["width"])
    seen = weights["decibel"] * 10 * np.log10(squares.mean() + 1e-5) + weights["structure"] * (1 - skimage_ssim(cover, stego))
    unmasked = losses["psnr"](**{key: value for key, value in options.items() if key != "width"})
    on_secret = unmasked(cover, stego, secret, revealed).secret.item()
    terms = losses["masked"](**options)(cover, stego, secret, revealed)
    assert [term.item() for term in terms] == pytest.approx((seen + weights["gamma"] * on_secret, seen, on_secret), abs=2e-5)


def test_a_change_in_texture_counts_less_than_one_on_a_flat_ground(images):
    """Both change as many pixels by as much; the unmasked loss cannot tell them apart."""
    _, _, secret, revealed = images
    cover = torch.full((1, 3, 64, 64), 0.5)
    cover[..., 32:] += 0.2 * torch.rand(64, 32, generator=torch.Generator().manual_seed(5)) - 0.1
    change = 0.02 * torch.randn(64, 32, generator=torch.Generator().manual_seed(6))
    flat, textured = cover.clone(), cover.clone()
    flat[..., :32] += change
    textured[..., 32:] += change
    terms = {name: [losses[name](structure=0.0)(cover, stego, secret, revealed).cover for stego in (flat, textured)]
             for name in ("psnr", "masked")}  # fmt: skip
    assert torch.allclose(*terms["psnr"]) and terms["masked"][0] > terms["masked"][1] + 0.05  # 5 dB
    # Where all is alike, nothing is masked.
    plain = torch.full_like(cover, 0.3)
    ends = plain, plain + 0.05 * torch.randn(cover.shape), secret, revealed
    assert torch.allclose(losses["masked"]()(*ends).total, losses["psnr"]()(*ends).total, atol=1e-4)


@pytest.mark.parametrize("width", [0.0, -1.0, float("nan")])
def test_bounds_of_masked(width):
    with pytest.raises(IsganError, match="above 0"):
        losses["masked"](width=width)


@pytest.mark.parametrize("options", [{}, {"width": 0.02, "gamma": 0.5}])
def test_charbonnier(images, options):
    weights = {"width": 1e-3, "gamma": 1.0} | options
    errors = [a.double().numpy() - b.double().numpy() for a, b in (images[:2], images[2:])]
    on_cover, on_secret = (np.hypot(error, weights["width"]).mean() - weights["width"] for error in errors)
    terms = losses["charbonnier"](**options)(*images)
    assert [term.item() for term in terms] == pytest.approx((on_cover + weights["gamma"] * on_secret, on_cover, on_secret), abs=1e-6)
    with pytest.raises(IsganError, match="above 0"):
        losses["charbonnier"](width=0.0)


@pytest.mark.parametrize("name, least", [("mixed", 0.0), ("mse", 0.0), ("charbonnier", 0.0), ("psnr", -0.5), ("masked", -0.5)])
def test_equal_images(images, name, least):
    cover, _, secret, _ = images
    terms = losses[name]()(cover, cover, secret, secret)
    assert [term.item() for term in terms[1:]] == pytest.approx([least] * 2, abs=1e-5)


@pytest.mark.parametrize("name", losses.names())
def test_a_batch_is_the_mean_of_its_images(images, name):
    other = tuple(image.flip(2) * 0.8 for image in images)
    batch = tuple(torch.cat(pair) for pair in zip(images, other, strict=True))
    loss = losses[name]()
    mean = (loss(*images).total + loss(*other).total) / 2
    assert torch.allclose(loss(*batch).total, mean, atol=1e-6)


@pytest.mark.parametrize("name", losses.names())
def test_autocast_changes_nothing(images, name):
    loss = losses[name]()
    plain = loss(*images)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = loss(*images)
    assert all(torch.equal(a, b) for a, b in zip(plain, mixed, strict=True))

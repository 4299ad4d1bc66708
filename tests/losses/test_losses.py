"""The losses' values from the paper's equations, computed here with scikit-image and numpy."""

import numpy as np
import pytest
import torch
from pixels import noisy, picture, skimage_ms_ssim, skimage_ssim

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


@pytest.mark.parametrize("options, beta, decibel", [({"beta": 0.0, "decibel": 0.004}, 0.0, 0.004), ({"decibel": 0.02}, 0.3, 0.02)])
def test_mixed_with_decibels(images, options, beta, decibel):
    """Of each image, in place of the MSE or beside it."""
    terms = losses["mixed"](**options)(*images)
    _, *ends = expected(images, 0.5, 0.5, beta, 0.85)
    ends = [end + decibel * 10 * np.log10(mse(*pair) + 1e-5) for end, pair in zip(ends, (images[:2], images[2:]), strict=True)]
    assert [term.item() for term in terms] == pytest.approx([ends[0] + 0.85 * ends[1], *ends], abs=2e-5)


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


@pytest.mark.parametrize("name, least", [("mixed", 0.0), ("mse", 0.0), ("psnr", -0.5)])
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

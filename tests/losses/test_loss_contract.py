"""What every loss of hiding owes its contract, run over the registry: a new one is tested by being there."""

import inspect

import pytest
import torch
from images import pair
from torch import Tensor

from isgan.losses import losses
from isgan.losses.base import HidingLoss, LossTerms

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

"""Carriers: what is carried is read, the change is the least that does it, and the stego image's dB are the published
ones."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from isgan.hiders.qim.carrier import MODULI, MOST, Carrier

ALL = [Carrier(modulus) for modulus in range(2, MOST + 1)]


def pixels(low: int, high: int, side: int = 64) -> Tensor:
    return torch.randint(low, high + 1, (1, 3, side, side), generator=torch.Generator().manual_seed(0)).float()


def symbols(carrier: Carrier, side: int = 64) -> Tensor:
    return torch.randint(0, carrier.modulus, (1, 1, side, side), generator=torch.Generator().manual_seed(1)).float()


@settings(deadline=None)
@given(
    st.sampled_from(ALL),
    arrays(np.uint8, (3, 5, 7), elements=st.sampled_from([0, 1, 2, 77, 128, 200, 253, 254, 255])),
    st.integers(0),
)
def test_what_is_carried_is_read(carrier, colours, seed):
    cover = torch.from_numpy(colours).float()[None]
    wanted = torch.randint(
        0, carrier.modulus, (1, 1, 5, 7), generator=torch.Generator().manual_seed(seed % 2**63)
    ).float()
    stego = carrier.carry(cover, wanted)
    assert torch.equal(stego, stego.round()) and stego.min() >= 0 and stego.max() <= 255
    assert torch.equal(carrier.read(stego), wanted)


@pytest.mark.parametrize("modulus", [2, 3, 5, 7, 8, 11, 27])
def test_colours_move_by_the_least_that_does_it(modulus):
    """Compared with all moves of up to two levels a channel, for each residue."""
    carrier, cover = Carrier(modulus), pixels(20, 235)
    wanted = symbols(carrier)
    change = (carrier.carry(cover, wanted) - cover).square().sum(dim=1)
    missing = ((wanted - carrier.read(cover)) % modulus)[:, 0]
    for residue in range(modulus):
        least = min(
            sum(d * d for d in move)
            for move in product(range(-2, 3), repeat=3)
            if np.dot(move, carrier.weights) % modulus == residue
        )
        assert (change[missing == residue] == least).all()


@pytest.mark.parametrize("modulus", sorted({*MODULI, *(2 * modulus for modulus in MODULI[:5])}))
def test_at_black_and_white_colours_move_by_the_least_that_does_it(modulus):
    """Each channel at 0, at 255 or between, and each residue, compared with all moves that stay inside."""
    carrier = Carrier(modulus)
    bounds = {0: range(4), 100: range(-1, 2), 255: range(-3, 1)}
    for colour in product(bounds, repeat=3):
        cover = torch.tensor(colour).float()[None, :, None, None].expand(1, 3, 1, modulus)
        wanted = torch.arange(modulus).float()[None, None, None]
        stego = carrier.carry(cover, wanted)
        assert torch.equal(carrier.read(stego), wanted) and stego.min() >= 0 and stego.max() <= 255
        moves = np.array(list(product(*(bounds[level] for level in colour))))
        makes = ((np.array(colour) + moves) @ carrier.weights) % modulus
        least = [np.square(moves).sum(axis=1)[makes == symbol].min() for symbol in range(modulus)]
        assert (stego - cover).square().sum(dim=1).ravel().tolist() == least


def test_no_other_weights_do_better():
    """For 7 symbols a perfect code: each of 1 + 2 * 3 moves of one level makes one of them."""
    assert Carrier(7).weights == (1, 2, 3)
    for modulus in (5, 8, 11):
        moves = list(product((-1, 0, 1), repeat=3))

        def mean(weights: tuple[int, ...], modulus: int = modulus, moves: list = moves) -> float:
            least = [
                min((sum(map(abs, m)) for m in moves if np.dot(m, weights) % modulus == r), default=99)
                for r in range(modulus)
            ]
            return sum(least) / modulus

        assert mean(Carrier(modulus).weights) == min(mean(weights) for weights in product(range(modulus), repeat=3))


def test_the_decibels_that_are_told():
    cover = pixels(20, 235, 256)
    for modulus, told in zip(MODULI, (55.9, 54.7, 54.2, 53.6, 51.9, 51.1, 49.9), strict=True):
        carrier = Carrier(modulus)
        error = (carrier.carry(cover, symbols(carrier, 256)) - cover).square().mean()
        assert 10 * torch.log10(255**2 / error) == pytest.approx(told, abs=0.07)

"""Carriers: what is carried is read, the change is the least that does it, and the stego image's dB are the published ones."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from isgan.color import luma
from isgan.layers.carrier import Carrier, ColorCarrier, LumaCarrier

ALL = [*[LumaCarrier(modulus) for modulus in range(2, 17)], *[ColorCarrier(modulus) for modulus in range(2, 28)]]


def pixels(low: int, high: int, side: int = 64) -> Tensor:
    return torch.randint(low, high + 1, (1, 3, side, side), generator=torch.Generator().manual_seed(0)).float()


def symbols(carrier: Carrier, side: int = 64) -> Tensor:
    return torch.randint(0, carrier.modulus, (1, 1, side, side), generator=torch.Generator().manual_seed(1)).float()


@settings(deadline=None)
@given(st.sampled_from(ALL), arrays(np.uint8, (3, 5, 7), elements=st.sampled_from([0, 1, 2, 77, 128, 200, 253, 254, 255])), st.integers(0))
def test_what_is_carried_is_read(carrier, colours, seed):
    cover = torch.from_numpy(colours).float()[None]
    wanted = torch.randint(0, carrier.modulus, (1, 1, 5, 7), generator=torch.Generator().manual_seed(seed % 2**63)).float()
    stego = carrier.carry(cover, wanted)
    room = carrier.room(cover).bool()
    assert torch.equal(stego, stego.round()) and stego.min() >= 0 and stego.max() <= 255
    assert torch.equal(carrier.read(stego)[room], wanted[room])
    assert torch.equal(carrier.room(stego), carrier.room(cover))
    assert torch.equal(stego * ~room, cover * ~room)


@pytest.mark.parametrize("modulus", [2, 4, 5, 16])
def test_luma_moves_by_the_least_that_does_it(modulus):
    carrier, cover = LumaCarrier(modulus), pixels(20, 235)
    change = carrier.carry(cover, symbols(carrier)) - cover
    assert torch.equal(change[:, :1].expand_as(change), change)
    allowed = torch.arange(-((modulus - 1) // 2), modulus // 2 + 1)
    assert set(change.unique().tolist()) == set(allowed.tolist())


@pytest.mark.parametrize("modulus", [2, 3, 5, 7, 8, 11, 27])
def test_colours_move_by_the_least_that_does_it(modulus):
    """Compared with all moves of up to two levels a channel, for each residue."""
    carrier, cover = ColorCarrier(modulus), pixels(20, 235)
    wanted = symbols(carrier)
    change = (carrier.carry(cover, wanted) - cover).square().sum(dim=1)
    missing = ((wanted - carrier.read(cover)) % modulus)[:, 0]
    for residue in range(modulus):
        least = min(
            sum(d * d for d in move) for move in product(range(-2, 3), repeat=3) if np.dot(move, carrier.weights) % modulus == residue
        )
        assert (change[missing == residue] == least).all()


@pytest.mark.parametrize("modulus", sorted({*ColorCarrier.moduli, *(2 * modulus for modulus in ColorCarrier.moduli[:5])}))
def test_at_black_and_white_colours_move_by_the_least_that_does_it(modulus):
    """Each channel at 0, at 255 or between, and each residue, compared with all moves that stay inside."""
    carrier = ColorCarrier(modulus)
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


@pytest.mark.parametrize("modulus", [*LumaCarrier.moduli, 16])
def test_at_black_and_white_luma_moves_by_the_least_that_does_it(modulus):
    carrier = LumaCarrier(modulus)
    for colour in [*product((0, 1, 100), repeat=3), *product((140, 254, 255), repeat=3)]:
        cover = torch.tensor(colour).float()[None, :, None, None].expand(1, 3, 1, modulus)
        change = (carrier.carry(cover, torch.arange(modulus).float()[None, None, None]) - cover)[0, :, 0]
        inside = [move for move in range(-min(colour), 256 - max(colour)) if abs(move) < modulus]
        for symbol, moved in enumerate(change.T.tolist()):
            missing = (symbol - carrier.read(cover)[0, 0, 0, 0].item()) % modulus
            assert len(set(moved)) == 1 and abs(moved[0]) == min(abs(move) for move in inside if move % modulus == missing)


def test_no_other_weights_do_better():
    """For 7 symbols a perfect code: each of 1 + 2 * 3 moves of one level makes one of them."""
    assert ColorCarrier(7).weights == (1, 2, 3)
    for modulus in (5, 8, 11):
        moves = list(product((-1, 0, 1), repeat=3))

        def mean(weights: tuple[int, ...], modulus: int = modulus, moves: list = moves) -> float:
            least = [min((sum(map(abs, m)) for m in moves if np.dot(m, weights) % modulus == r), default=99) for r in range(modulus)]
            return sum(least) / modulus

        assert mean(ColorCarrier(modulus).weights) == min(mean(weights) for weights in product(range(modulus), repeat=3))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(LumaCarrier, (51.1, 49.9, 46.4, 45.1, 43.1, 40.7, 38.1)), (ColorCarrier, (55.9, 54.7, 54.2, 53.6, 51.9, 51.1, 49.9))],
)
def test_the_decibels_that_are_told(kind, expected):
    cover = pixels(20, 235, 256)
    for modulus, told in zip(kind.moduli, expected, strict=True):
        carrier = kind(modulus)
        error = (carrier.carry(cover, symbols(carrier, 256)) - cover).square().mean()
        assert 10 * torch.log10(255**2 / error) == pytest.approx(told, abs=0.07)


def test_the_level_is_the_whole_part_of_luma():
    """Exact in float32, for every gray and for colours next to a whole number."""
    carrier = LumaCarrier(256)
    assert torch.equal(carrier.read(torch.arange(256.0).expand(1, 3, 4, 256))[0, 0, 0], torch.arange(256.0))
    colours = pixels(0, 255)
    assert (luma(colours) - carrier.read(colours)).min() > -1e-3 and (luma(colours) - carrier.read(colours)).max() < 1

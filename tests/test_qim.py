"""`qim`: what the sender writes the receiver reads, whatever the cover; the change is the smallest that does it."""

import pytest
import torch
from conftest import stirred
from torch import Tensor

from isgan.color import luma
from isgan.errors import IsganError
from isgan.hiders.qim import Qim
from isgan.metrics.quality import psnr

SMALL = {"stages": 2, "hidden": 8, "blocks": 1}


def small(**config: int) -> Qim:
    """With random weights, small enough for the symbols to vary."""
    return stirred(Qim(**SMALL | config)).eval()


def integers(low: int, high: int, *shape: int, seed: int = 0) -> Tensor:
    return torch.randint(low, high + 1, shape, generator=torch.Generator().manual_seed(seed)).float() / 255


def residues(image: Tensor, modulus: int) -> Tensor:
    """The luma levels of RGB images, whole numbers, modulo `modulus`."""
    red, green, blue = (image * 255).round().long().unbind(dim=1)
    return (299 * red + 587 * green + 114 * blue) // 1000 % modulus


@pytest.mark.parametrize("modulus", [2, 4, 5, 16])
@torch.no_grad()
def test_symbols_do_not_depend_on_the_cover(modulus):
    """Bright, dark and middling covers carry the same residues of luma, and all of them reveal the same."""
    hider, secret = small(modulus=modulus), integers(0, 255, 1, 1, 20, 24, seed=1)
    covers = [integers(low, high, 1, 3, 20, 24) for low, high in ((60, 200), (0, 40), (215, 255), (0, 0), (255, 255))]
    stegos = [hider.hide(cover, secret) for cover in covers]
    revealed = [hider.reveal(stego) for stego in stegos]
    for stego, shown in zip(stegos[1:], revealed[1:], strict=True):
        assert torch.equal(residues(stego, modulus), residues(stegos[0], modulus))
        assert torch.equal(shown, revealed[0])
    assert len(residues(stegos[0], modulus).unique()) > 1
    assert not torch.equal(residues(stegos[0], modulus), residues(hider.hide(covers[0], 1 - secret), modulus))


@pytest.mark.parametrize("modulus", [2, 4, 5, 16])
@torch.no_grad()
def test_the_change_is_the_smallest(modulus):
    cover, secret = integers(20, 235, 1, 3, 64, 64), integers(0, 255, 1, 1, 64, 64, seed=1)
    stego = small(modulus=modulus).hide(cover, secret)
    change = ((stego - cover) * 255).round()
    allowed = torch.arange(-((modulus - 1) // 2), modulus // 2 + 1)
    assert set(change.unique().tolist()) == set(allowed.tolist())
    # Covers are spread evenly over the residues, so the changes are.
    expected = 10 * torch.log10(255**2 / allowed.float().square().mean())
    assert psnr(stego, cover).item() == pytest.approx(expected.item(), abs=0.2)
    assert modulus != 5 or expected.item() == pytest.approx(45.12, abs=0.01)


@torch.no_grad()
def test_at_the_edges_of_the_range_the_other_way_round_is_taken():
    secret = integers(0, 255, 1, 1, 32, 32, seed=1)
    for value, sign in ((0.0, 1), (1.0, -1)):
        cover = torch.full((1, 3, 32, 32), value)
        change = ((small().hide(cover, secret) - cover) * 255).round() * sign
        assert change.min() >= 0 and change.max() <= 4 and len(change.unique()) > 2


@torch.no_grad()
def test_saturated_colours_are_left_alone():
    """max - min over 251 has no room for five residues. The receiver knows, and the rest of the secret comes as the sender saw it."""
    hider = small(modulus=5)
    cover, secret = integers(60, 200, 1, 3, 24, 24), integers(0, 255, 1, 1, 24, 24, seed=1)
    plain = hider.reveal(hider.hide(cover, secret))
    for colour, room in (((255, 0, 0), False), ((252, 0, 100), False), ((255, 4, 4), True), ((251, 0, 30), True)):
        cover[0, :, :12] = torch.tensor(colour)[:, None, None] / 255
        hiding = hider(cover, secret)
        assert torch.equal(hiding.stego[0, :, :12], cover[0, :, :12]) == (not room)
        assert torch.allclose(hider.reveal(hiding.stego), hiding.revealed, atol=1e-5)
        assert torch.allclose(hiding.revealed, plain, atol=1e-5) == room


@pytest.mark.parametrize("size", [(21, 22), (32, 35)])
@torch.no_grad()
def test_the_stego_image_needs_no_rounding(size):
    hider = small()
    cover, secret = integers(0, 255, 1, 3, *size), integers(0, 255, 1, 1, *size, seed=1)
    stego = hider.hide(cover, secret)
    assert torch.equal(stego, (stego * 255).round() / 255) and stego.min() >= 0 and stego.max() <= 1
    assert torch.equal(stego, hider(cover, secret).stego)


def test_the_gradient_takes_the_symbols():
    """The stego image is as good as it is; what is learnt is the secret, at the writers too."""
    hider = small().train()
    cover, secret = integers(0, 255, 2, 3, 24, 24), integers(0, 255, 2, 1, 24, 24, seed=1)
    hiding = hider(cover, secret)
    assert not hiding.stego.requires_grad
    (hiding.revealed - secret).square().mean().backward()
    assert all(parameter.grad.isfinite().all() and parameter.grad.any() for parameter in hider.parameters())


def test_with_a_dial_training_draws_a_modulus_for_each_batch_and_puts_it_back():
    hider = small(dial=True).train()
    drawn = []
    for seed in range(40):
        cover, secret = integers(60, 200, 1, 3, 16, 16, seed=seed), integers(0, 255, 1, 1, 16, 16, seed=1)
        change = ((hider(cover, secret).stego - cover) * 255).round()
        drawn.append(len(change.unique()))
        assert hider.modulus == 4
        assert torch.equal(((hider(cover, secret).stego - cover) * 255).round(), change)  # the batch decides: a resumed run draws the same
    assert set(drawn) >= {2, 3, 4, 5, 6, 8} and max(drawn) <= 11
    hider.eval()
    assert len(((hider(cover, secret).stego - cover) * 255).round().unique()) == 4


@torch.no_grad()
def test_the_dial_starts_as_the_same_network_without_one():
    plain, dial = small(), Qim(**SMALL, dial=True).eval()
    missing = dial.load_state_dict(plain.state_dict(), strict=False).missing_keys
    assert missing == ["readers.0.biases", "readers.1.biases"]
    cover, secret = integers(0, 255, 1, 3, 24, 24), integers(0, 255, 1, 1, 24, 24, seed=1)
    assert torch.equal(plain(cover, secret).revealed, dial(cover, secret).revealed)
    dial.readers[0].biases[2] += 1  # of modulus 4, the third
    assert not torch.equal(plain(cover, secret).revealed, dial(cover, secret).revealed)


def test_learns_a_pair_by_heart():
    torch.manual_seed(0)
    hider = Qim(**SMALL | {"hidden": 16})
    cover = integers(0, 255, 1, 3, 32, 32)
    rows, columns = torch.meshgrid(torch.linspace(0, 3, 32), torch.linspace(0, 2, 32), indexing="ij")
    secret = (0.5 + 0.4 * torch.sin(rows * columns))[None, None]
    optimizer = torch.optim.Adam(hider.parameters(), lr=3e-3)
    scores = []
    for _ in range(120):
        hiding = hider(cover, secret)
        scores.append(psnr(hiding.revealed, secret).item())
        optimizer.zero_grad()
        (hiding.revealed - secret).square().mean().backward()
        optimizer.step()
    assert scores[0] < 20 and min(scores[-20:]) > 26
    with torch.no_grad():
        assert psnr(hider.reveal(hider.hide(cover, secret)), secret) > 26


def test_sixteen_symbols_a_block():
    """As many as a block has pixels, whatever the number of stages; and parameters by the formula of the layers."""
    for stages, hidden, blocks in ((1, 8, 0), (2, 16, 1), (3, 64, 2), (4, 8, 3)):
        hider = Qim(5, stages, hidden, blocks)
        assert sum(hider.counts) == 16 and max(hider.counts) - min(hider.counts) <= 1
        expected, wide = 0, hidden * 3 // 4

        def conv(inputs: int, outputs: int, kernel: int = 3) -> int:
            return kernel**2 * inputs * outputs + outputs

        for stage, count in enumerate(hider.counts):
            before = hidden if stage else 0
            expected += conv(16, count, 1) + conv(16 + before, wide) + 2 * conv(wide, wide) + conv(wide, count)
            expected += conv(count + before, hidden) + blocks * 2 * conv(hidden, hidden) + conv(hidden, 16)
            expected += conv(hidden, 16, 1) if stage < stages - 1 else 0
        assert sum(parameter.numel() for parameter in hider.parameters()) == expected


def test_the_level_is_the_whole_part_of_luma():
    """Exact in float32, for every gray and for colours next to a whole number."""
    cover = torch.arange(256)[None, None, None].expand(1, 3, 4, 256) / 255
    assert torch.equal(residues(cover, 256)[0, 0], torch.arange(256))
    colours = integers(0, 255, 1, 3, 64, 64)
    assert (luma(colours)[:, 0] * 255 - residues(colours, 256)).min() > -1e-3


@pytest.mark.parametrize(
    "config",
    [
        {"modulus": 1},
        {"modulus": 17},
        {"modulus": 7, "dial": True},
        {"stages": 0},
        {"stages": 5},
        {"hidden": 7},
        {"hidden": 257},
        {"blocks": -1},
        {"blocks": 9},
    ],
)
def test_bounds(config):
    with pytest.raises(IsganError, match="out of bounds"):
        Qim(**config)

"""`qim`: what the sender writes the receiver reads, whatever the cover, and it learns to write what is needed."""

import warnings

import pytest
import torch
from conftest import scene, stirred
from torch import Tensor
from torch.nn import functional as F

from isgan.errors import IsganError
from isgan.hiders.qim.carrier import MODULI, Carrier
from isgan.hiders.qim.dial import SPREAD, DialConv
from isgan.hiders.qim.network import Qim, _chroma_bits, _chroma_symbols
from isgan.metrics.quality import psnr

SMALL = {"stages": 2, "hidden": 8, "blocks": 1}


def small(**config: int) -> Qim:
    """With random weights, small enough for the symbols to vary."""
    return stirred(Qim(**SMALL | config)).eval()


def integers(low: int, high: int, *shape: int, seed: int = 0) -> Tensor:
    return torch.randint(low, high + 1, shape, generator=torch.Generator().manual_seed(seed)).float() / 255


@pytest.mark.parametrize("strength", [1, 3, 6])
@torch.no_grad()
def test_symbols_do_not_depend_on_the_cover(strength):
    """Bright, dark and middling covers carry the same, and all of them reveal the same."""
    hider, secret = small().at(strength), integers(0, 255, 1, 1, 20, 24, seed=1)
    covers = [integers(low, high, 1, 3, 20, 24) for low, high in ((60, 200), (0, 40), (215, 255), (0, 0), (255, 255))]
    stegos = [hider.hide(cover, secret) for cover in covers]
    carried = [hider.carrier.read((stego * 255).round()) for stego in stegos]
    revealed = [hider.reveal(stego) for stego in stegos]
    for symbols, shown in zip(carried[1:], revealed[1:], strict=True):
        assert torch.equal(symbols, carried[0])
        assert torch.equal(shown, revealed[0])
    assert len(carried[0].unique()) > 1
    assert not torch.equal(carried[0], hider.carrier.read((hider.hide(covers[0], 1 - secret) * 255).round()))


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


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_symbols_that_are_rounded_in_part(share, monkeypatch):
    """In training mode the receiver reads the symbols between exact and rounded; the pixels carry the rounded ones."""
    hider, cover, secret = small().train(), integers(60, 200, 1, 3, 24, 24), integers(0, 255, 1, 1, 24, 24, seed=1)
    whole, drafts, write = hider.eval()(cover, secret), [], Qim._write
    hider.train()
    monkeypatch.setattr(Qim, "_write", lambda *arguments: drafts.append(write(*arguments)) or drafts[-1])
    hider.rounding = share
    hiding = hider(cover, secret)
    (draft, _), room = drafts[0], torch.ones_like(secret)
    carrier = Carrier(MODULI[_drawn(hider, cover) - 1])
    assert torch.equal(carrier.read((hiding.stego * 255).round()), draft.round())
    read, strength = draft + share * (draft.round() - draft), _drawn(hider, cover)
    assert torch.allclose(hiding.revealed, hider._read(read, room, strength), atol=1e-5)
    assert not torch.allclose(hiding.revealed, hider._read(draft.round(), room, strength), atol=1e-3)
    hiding.revealed.square().mean().backward()
    assert all(parameter.grad.isfinite().all() and parameter.grad.any() for parameter in hider.parameters())
    hider.eval()  # where there is always all of it
    assert torch.equal(hider(cover, secret).revealed, whole.revealed) and torch.equal(
        hider(cover, secret).stego, whole.stego
    )


def _drawn(hider: Qim, cover: Tensor) -> int:
    """The strength that a batch trains."""
    return int((cover * 255).round().sum()) % hider.strengths + 1


def test_training_draws_a_strength_for_each_batch_and_leaves_the_dial_alone(monkeypatch):
    hider, drawn = small().train(), []
    start, original = hider.strength, Carrier.carry

    def carry(carrier, pixels, symbols):
        drawn.append(carrier.modulus)
        return original(carrier, pixels, symbols)

    monkeypatch.setattr(Carrier, "carry", carry)
    for seed in range(40):
        cover, secret = integers(60, 200, 1, 3, 16, 16, seed=seed), integers(0, 255, 1, 1, 16, 16, seed=1)
        hider(cover, secret)
        hider(cover, secret)
        assert (
            drawn[-1] == drawn[-2] == MODULI[_drawn(hider, cover) - 1]
        )  # the batch decides: a resumed run draws the same
        assert hider.strength == start == 4 and hider.carrier.modulus == 7
    assert set(drawn) == set(MODULI)
    hider.eval()(cover, secret)
    assert drawn[-1] == 7


def test_learns_a_pair_by_heart():
    torch.manual_seed(0)
    hider = Qim(**SMALL | {"hidden": 16})
    cover = integers(0, 255, 1, 3, 32, 32)
    rows, columns = torch.meshgrid(torch.linspace(0, 3, 32), torch.linspace(0, 2, 32), indexing="ij")
    secret = (0.5 + 0.4 * torch.sin(rows * columns))[None, None]
    optimizer = torch.optim.Adam(hider.parameters(), lr=3e-3)
    scores = []
    for _ in range(60):
        hiding = hider(cover, secret)
        scores.append(psnr(hiding.revealed, secret).item())
        optimizer.zero_grad()
        (hiding.revealed - secret).square().mean().backward()
        optimizer.step()
    assert scores[0] < 20 and min(scores[-20:]) > 26
    trained = hider.at(_drawn(hider, cover))
    with torch.no_grad():
        assert psnr(trained.reveal(trained.hide(cover, secret)), secret) > 26


@torch.no_grad()
def test_what_a_strength_has_of_its_own():
    """Scales and shifts of each strength change that strength alone, of hiding or revealing."""
    hider = small()
    cover, secret = integers(60, 200, 1, 3, 16, 16), integers(0, 255, 1, 1, 16, 16, seed=1)
    own = {name: parameter for name, parameter in hider.named_parameters() if name.endswith(("scales", "shifts"))}
    assert len(own) == 2 * sum(isinstance(module, DialConv) for module in hider.modules()) > 20
    for name, tensor in own.items():
        assert len(tensor) == hider.strengths

        def drafts(writing: bool = name.startswith("writers")) -> list[Tensor]:
            views = [hider.at(strength) for strength in range(1, 8)]
            return [view.draft(cover, secret) if writing else view.reveal(cover) for view in views]

        before = drafts()
        tensor[2].neg_()
        assert [not torch.equal(a, b) for a, b in zip(before, drafts(), strict=True)] == [k == 2 for k in range(7)], (
            name
        )


@torch.no_grad()
def test_a_mixture_is_linear_in_the_dial_to_begin_with():
    """All strengths as without a dial; then as far from the middle as the second kernel goes, and the dial's place
    says."""
    torch.manual_seed(0)
    conv, x = DialConv(3, 4, 3, strengths=5), torch.rand(1, 3, 6, 7)
    torch.manual_seed(0)
    plain = torch.nn.Conv2d(3, 4, 3, padding=1)(x)
    assert all(torch.allclose(conv(x, strength), plain, atol=1e-6) for strength in range(1, 6))
    conv.kernels[1].copy_(torch.rand(4, 3, 3, 3))
    change = F.conv2d(x, conv.kernels[1], padding=1)
    for strength, place in enumerate((-1, -0.5, 0, 0.5, 1), 1):
        assert torch.allclose(conv(x, strength), plain + SPREAD * place * change, atol=1e-5)
    conv.scales[1, 1, 2] = 3.0  # of the second strength and kernel, the third channel
    assert torch.allclose(conv(x, 2)[:, 2], (plain + 3 * change)[:, 2], atol=1e-5)
    assert torch.allclose(conv(x, 2)[:, 3], (plain - 0.5 * SPREAD * change)[:, 3], atol=1e-5)


def test_what_is_mixed_once_is_not_mixed_again():
    """Until the weights are others; and what was mixed while nothing was recorded lets a gradient pass."""
    conv = stirred(DialConv(3, 4, 3, strengths=5))
    x = torch.rand(1, 3, 6, 7, requires_grad=True)
    assert conv.chosen(2)[0] is not conv.chosen(2)[0]
    conv.requires_grad_(False)
    with torch.inference_mode():
        first = conv(x, 2)
        assert conv.chosen(2)[0] is conv.chosen(2)[0] and not torch.equal(conv.chosen(2)[0], conv.chosen(3)[0])
    conv(x, 2).sum().backward()
    assert x.grad.any()
    conv.load_state_dict({name: 2 * tensor for name, tensor in conv.state_dict().items()})
    changed, shift = conv(x, 2).detach(), conv.shifts[1][:, None, None]
    assert torch.allclose(changed - shift, 4 * (first - shift / 2), atol=1e-4)
    assert torch.allclose(conv.double()(x.double(), 2).float(), changed, atol=1e-5)
    conv.kernels[1].requires_grad_(True)  # the last of all that are mixed
    for _ in range(2):
        conv(x.double(), 2).sum().backward()
    assert conv.kernels[1].grad.any()
    with torch.no_grad():
        conv.kernels[1].zero_()
    conv.requires_grad_(False)
    assert torch.allclose(conv.chosen(2)[0], conv.kernels[0] * conv.scales[1, 0, :, None, None, None])


def test_sixteen_symbols_a_block():
    """As many as a block has pixels, whatever the number of stages; and parameters by the formula of the layers."""
    for stages, hidden, blocks in ((1, 8, 0), (2, 16, 1), (3, 64, 2), (4, 8, 3)):
        hider = Qim(stages, hidden, blocks)
        assert sum(hider.counts) == 16 and max(hider.counts) - min(hider.counts) <= 1
        expected, wide = 0, hidden * 3 // 4

        def conv(inputs: int, outputs: int, kernel: int = 3) -> int:
            return 2 * kernel**2 * inputs * outputs + 7 * 2 * outputs + 7 * outputs  # kernels, scales, shifts

        for stage, count in enumerate(hider.counts):
            before = hidden if stage else 0
            expected += conv(16, count, 1) + conv(16 + before, wide) + 2 * conv(wide, wide) + conv(wide, count)
            expected += conv(count + before, hidden) + blocks * 2 * conv(hidden, hidden) + conv(hidden, 16)
            expected += conv(hidden, 16, 1) if stage < stages - 1 else 0
        assert sum(parameter.numel() for parameter in hider.parameters()) == expected


@pytest.mark.parametrize(
    "config",
    [
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


# ---------------------------------------------------------------------- secrets in colour


def picture(seed: int, height: int, width: int) -> Tensor:
    return torch.from_numpy(scene(height, width, seed)).permute(2, 0, 1)[None].float() / 255


def test_chroma_symbols_and_their_bits():
    symbols = torch.randint(0, 4, (6, 1, 4, 5), generator=torch.Generator().manual_seed(0)).float()
    bits = _chroma_bits(symbols)
    assert bits.shape == (3, 1, 8, 10) and set(bits.unique().tolist()) == {0, 1}
    back, whole = _chroma_symbols(bits, torch.ones_like(bits))
    assert torch.equal(back, symbols) and whole.all()
    # Of Cb, the first plane, the higher bit is in the upper left pixel of four, and Cr is below.
    assert (bits[1, 0, 0, 0] * 2 + bits[1, 0, 0, 1], bits[1, 0, 1, 0] * 2 + bits[1, 0, 1, 1]) == (
        symbols[2, 0, 0, 0],
        symbols[3, 0, 0, 0],
    )
    cut, whole = _chroma_symbols(bits[..., :7, :9], torch.ones(3, 1, 7, 9))
    assert (
        torch.equal(whole[::2, 0, :, :4], torch.ones(3, 4, 4))
        and not whole[::2, 0, :, 4].any()
        and not whole[1::2, 0, 3].any()
    )
    assert torch.equal(cut * whole, symbols * whole)


@pytest.mark.parametrize("size", [(32, 40), (33, 47), (50, 35)])
@pytest.mark.parametrize("strength", [1, 3, 5])
@torch.no_grad()
def test_what_the_sender_sees_is_what_the_receiver_gets(strength, size):
    hider = small().at(strength, color=True)
    cover, secret = picture(0, *size), picture(1, *size)
    hiding = hider(cover, secret)
    assert torch.equal(hiding.stego, hider.hide(cover, secret)) and hiding.revealed.shape == (1, 3, *size)
    assert torch.allclose(hider.reveal(hiding.stego), hiding.revealed, atol=1e-5)
    assert ((hiding.stego - cover) * 255).round().abs().max() == 1
    other = hider.reveal(hider.hide(cover, secret.flip(1)))  # R and B exchanged: other colours
    assert (other - hiding.revealed)[:, 0].abs().max() > 0.01


@torch.no_grad()
def test_gray_and_colour_carry_the_same_luma():
    """The luma of what is revealed is the gray secret of the same strength; chroma comes besides."""
    cover, secret = picture(0, 32, 32), picture(1, 32, 32)
    hider = small()
    gray = hider.at(4)(cover, (secret * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, True))
    revealed = hider.at(4, color=True)(cover, secret).revealed
    y = (revealed * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, True)
    assert torch.allclose(y, gray.revealed, atol=1e-4)


@pytest.mark.parametrize("stages, blocks", [(2, 0), (1, 4)])  # of one the writers see farther, of the other the readers
@torch.no_grad()
def test_the_halo_is_honest_in_colour(stages, blocks):
    """A pixel farther away than `halo` changes nothing; chroma, at half the resolution, sees nearly that far. NaN shows
    every path."""
    gray = small(stages=stages, blocks=blocks)
    gray_halo, hider = gray.halo, gray.at(3, color=True)
    assert hider.multiple == 8 and gray_halo < hider.halo
    half = (hider.halo // 8 + 2) * 8
    cover, secret = picture(0, 24, 2 * half + 1), picture(1, 24, 2 * half + 1)
    reaches: tuple[list[int], list[int]] = [], []
    with (
        warnings.catch_warnings(action="ignore"),
        torch.backends.mkldnn.flags(enabled=False),
    ):  # fast ones may see more than they have to
        for column in (half, half + 7):
            other, stego = secret.clone(), cover.clone()
            other[..., column] = stego[..., column] = float("nan")
            for reach, made in zip(reaches, (hider.draft(cover, other), hider.reveal(stego)), strict=True):
                columns = made.isnan().flatten(0, 2).any(dim=0).nonzero().flatten()
                reach.append(int((columns - column).abs().max()))
    assert max(gray_halo, hider.halo * 3 // 4 - 32) < max(map(max, reaches)) <= hider.halo
    assert hider.reveal_halo * 3 // 4 - 32 < max(reaches[1]) <= hider.reveal_halo
    assert (gray.multiple, gray.halo) == (4, gray_halo)

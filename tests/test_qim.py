"""`qim`: what the sender writes the receiver reads, whatever the cover, and it learns to write what is needed."""

import pytest
import torch
from conftest import stirred
from torch import Tensor
from torch.nn import functional as F

from isgan.errors import IsganError
from isgan.hiders.qim import Qim
from isgan.layers.dial import CONDITIONINGS, SPREAD, DialConv
from isgan.metrics.quality import psnr

SMALL = {"stages": 2, "hidden": 8, "blocks": 1}


def small(**config: int | bool | str) -> Qim:
    """With random weights, small enough for the symbols to vary."""
    return stirred(Qim(**SMALL | config)).eval()


def integers(low: int, high: int, *shape: int, seed: int = 0) -> Tensor:
    return torch.randint(low, high + 1, shape, generator=torch.Generator().manual_seed(seed)).float() / 255


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("modulus", [2, 4, 5, 16])
@torch.no_grad()
def test_symbols_do_not_depend_on_the_cover(modulus, apart):
    """Bright, dark and middling covers carry the same, and all of them reveal the same."""
    hider, secret = small(modulus=modulus, apart=apart), integers(0, 255, 1, 1, 20, 24, seed=1)
    covers = [integers(low, high, 1, 3, 20, 24) for low, high in ((60, 200), (0, 40), (215, 255), (0, 0), (255, 255))]
    stegos = [hider.hide(cover, secret) for cover in covers]
    carried = [hider.carrier.read((stego * 255).round()) for stego in stegos]
    revealed = [hider.reveal(stego) for stego in stegos]
    for symbols, shown in zip(carried[1:], revealed[1:], strict=True):
        assert torch.equal(symbols, carried[0])
        assert torch.equal(shown, revealed[0])
    assert len(carried[0].unique()) > 1
    assert not torch.equal(carried[0], hider.carrier.read((hider.hide(covers[0], 1 - secret) * 255).round()))


@torch.no_grad()
def test_what_saturated_colours_cannot_carry_the_rest_does_not_suffer_from():
    """max - min over 251 has no room for five residues. The receiver knows, and the rest of the secret comes as the sender saw it."""
    for apart in (False, True):
        hider = small(modulus=5, apart=apart)
        cover, secret = integers(60, 200, 1, 3, 24, 24), integers(0, 255, 1, 1, 24, 24, seed=1)
        plain = hider.reveal(hider.hide(cover, secret))
        for colour, room in (((255, 0, 0), apart), ((252, 0, 100), apart), ((255, 4, 4), True), ((251, 0, 30), True)):
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


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_symbols_that_are_rounded_in_part(share, monkeypatch):
    """In training mode the receiver reads the symbols between exact and rounded; the pixels carry the rounded ones."""
    hider, cover, secret = small(modulus=5).train(), integers(60, 200, 1, 3, 24, 24), integers(0, 255, 1, 1, 24, 24, seed=1)
    whole, drafts, write = hider(cover, secret), [], Qim._write
    monkeypatch.setattr(Qim, "_write", lambda *arguments: drafts.append(write(*arguments)) or drafts[-1])
    hider.rounding = share
    hiding = hider(cover, secret)
    (draft, _), room = drafts[0], torch.ones_like(secret)
    assert torch.equal(hider.carrier.read((hiding.stego * 255).round()), draft.round())
    read = draft + share * (draft.round() - draft)
    assert torch.allclose(hiding.revealed, hider._read(read, room, 0), atol=1e-5)
    assert not torch.allclose(hiding.revealed, hider._read(draft.round(), room, 0), atol=1e-3)
    hiding.revealed.square().mean().backward()
    assert all(parameter.grad.isfinite().all() and parameter.grad.any() for parameter in hider.parameters())
    hider.eval()  # where there is always all of it
    assert torch.equal(hider(cover, secret).revealed, whole.revealed) and torch.equal(hider(cover, secret).stego, whole.stego)


@pytest.mark.parametrize("apart", [False, True])
def test_with_a_dial_training_draws_a_strength_for_each_batch_and_puts_it_back(apart, monkeypatch):
    hider = small(modulus=4, dial=True, apart=apart).train()
    start, drawn = hider.strength, []
    original = type(hider.carrier).carry

    def carry(carrier, pixels, symbols):
        drawn.append(carrier.modulus)
        return original(carrier, pixels, symbols)

    monkeypatch.setattr(type(hider.carrier), "carry", carry)
    for seed in range(40):
        cover, secret = integers(60, 200, 1, 3, 16, 16, seed=seed), integers(0, 255, 1, 1, 16, 16, seed=1)
        hider(cover, secret)
        hider(cover, secret)
        assert drawn[-1] == drawn[-2]  # the batch decides: a resumed run draws the same
        assert hider.strength == start and hider.carrier.modulus == 4
    assert set(drawn) == set(hider.carrier.moduli)
    hider.eval()(cover, secret)
    assert drawn[-1] == 4


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


@torch.no_grad()
@pytest.mark.parametrize("conditioning", CONDITIONINGS)
def test_what_a_strength_has_of_its_own(conditioning):
    """Every tensor with a row, or a seventh, for each strength changes that strength alone, of hiding or revealing; and which those are."""
    hider = stirred(small(dial=True, apart=True, modulus=7, conditioning=conditioning))
    cover, secret = integers(60, 200, 1, 3, 16, 16), integers(0, 255, 1, 1, 16, 16, seed=1)

    def drafts() -> list[torch.Tensor]:
        made = []
        for strength in range(1, 8):
            hider.set_strength(strength)
            made.append(hider.draft(cover, secret) if writing else hider.reveal(cover))
        return made

    plain = dict(small().named_parameters())
    own_of_third = {}
    for name, parameter in hider.named_parameters():
        head, _, last = name.rpartition(".")
        if last.isdigit():
            if last == "2":
                own_of_third[head] = parameter
        elif name not in plain:
            own_of_third[name] = parameter[2]
    kinds = {"bias": {"biases"}, "weights": {"weights", "biases"}}.get(conditioning, {"scales", "shifts"})
    assert {name.rpartition(".")[2] for name in own_of_third} == kinds
    assert len(own_of_third) == (len(hider.readers) if conditioning == "bias" else len(plain))
    for name, tensor in own_of_third.items():
        writing = name.startswith("writers")
        before = drafts()
        tensor.neg_()
        assert [not torch.equal(a, b) for a, b in zip(before, drafts(), strict=True)] == [k == 2 for k in range(7)], name


def test_what_a_batch_does_not_use_has_no_gradient():
    """So that Adam leaves it where it is."""
    hider = small(dial=True, apart=True, modulus=7, conditioning="weights").train()
    cover, secret = integers(60, 200, 1, 3, 16, 16), integers(0, 255, 1, 1, 16, 16, seed=1)
    hider(cover, secret).revealed.square().mean().backward()
    used = {name.rpartition(".")[2] for name, parameter in hider.named_parameters() if parameter.grad is not None}
    assert len(used) == 1 and len(list(hider.parameters())) == 7 * sum(p.grad is not None for p in hider.parameters())


@torch.no_grad()
def test_a_scale_is_one_of_the_results_channels():
    conv = DialConv(3, 4, 3, strengths=2, conditioning="film")
    plain = F.conv2d(x := torch.rand(1, 3, 6, 7), conv.kernels[0], conv.shifts[0], padding=1)
    assert torch.allclose(conv(x, 2), plain, atol=1e-6)
    conv.scales[1] = torch.tensor([2.0, 1, 0, -1])
    conv.shifts[1] += torch.tensor([0.0, 0.5, 0, 0])
    scales = torch.tensor([2.0, 1, 0, -1])[:, None, None]
    expected = (plain - conv.shifts[0, :, None, None]) * scales + conv.shifts[1, :, None, None]
    assert torch.allclose(conv(x, 2), expected, atol=1e-6) and torch.allclose(conv(x, 1), plain, atol=1e-6)


@torch.no_grad()
def test_a_mixture_is_linear_in_the_dial_to_begin_with():
    """All strengths as without a dial; then as far from the middle as the second kernel goes, and the dial's place says."""
    torch.manual_seed(0)
    conv, x = DialConv(3, 4, 3, strengths=5, conditioning="mixture"), torch.rand(1, 3, 6, 7)
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
    conv = stirred(DialConv(3, 4, 3, strengths=5, conditioning="mixture"))
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


def test_an_unknown_conditioning():
    with pytest.raises(IsganError, match=r"unknown conditioning .films.: did you mean .film."):
        Qim(dial=True, conditioning="films")


@pytest.mark.parametrize(
    "config",
    [
        {"modulus": 1},
        {"modulus": 17},
        {"modulus": 28, "apart": True},
        {"modulus": 7, "dial": True},
        {"modulus": 5, "dial": True, "apart": True},
        {"conditioning": "film"},
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

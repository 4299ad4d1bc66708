"""Neural schemes: any size, in tiles, with a key where the hider has symbols, and the receiver gets what the sender was
told."""

import functools
import threading

import numpy as np
import pytest
import torch
from conftest import scene, stirred
from hypothesis import given, settings
from hypothesis import strategies as st

from isgan import models
from isgan.covers.base import Cover
from isgan.covers.png import PngCover
from isgan.errors import IsganError, NothingFound
from isgan.hiders import hiders
from isgan.hiders.isgan import ISGAN
from isgan.hiders.qim import Qim
from isgan.hiders.wavelet import Wavelet
from isgan.key import Key
from isgan.metrics.pictures import psnr
from isgan.options import Options
from isgan.schemes.base import Hidden
from isgan.schemes.neural import MARGIN, Neural
from isgan.secret import Secret
from isgan.tensors import to_array, to_tensor

LSB = "lsb332"


def gray(height: int, width: int, seed: int = 1) -> np.ndarray:
    return scene(height, width, seed)[..., 0]


@functools.cache
def key_of(salt: bytes, phrase: str = "a pass phrase") -> Key:
    return Key(phrase, salt)


def key(cover: Cover, phrase: str = "a pass phrase") -> Key:
    return key_of(cover.salt(), phrase)


def hide(scheme: Neural, cover: np.ndarray, secret: np.ndarray, progress=lambda done, total: None, **options) -> Hidden:
    """Of pictures, with the pass phrase of this test."""
    read = PngCover(cover)
    return scheme.hide(read, Secret(secret), key(read), Options(**options), progress)


def reveal(scheme: Neural, stego: Cover, progress=lambda done, total: None) -> np.ndarray:
    return scheme.reveal(stego, key(stego), progress).picture


@functools.cache
def small() -> Neural:
    """A `qim` that was never trained."""
    return Neural(stirred(Qim(hidden=8, blocks=1)))


# ---------------------------------------------------------------------- what the receiver gets


@pytest.mark.parametrize("strength", [1, 4, 7])
def test_a_sealed_secret_comes_back(strength):
    cover, secret = scene(40, 57), gray(40, 57)
    hidden = hide(small(), cover, secret, strength=strength)
    assert small().keyed and hidden.facts == {"strength": strength}
    saved = PngCover.read(hidden.stego.encode(), "the stego image")
    assert np.array_equal(reveal(small(), saved), hidden.delivered.picture) and hidden.delivered.picture.shape == (
        40,
        57,
    )
    with torch.no_grad():
        expected = small().settings[strength - 1](to_tensor(cover), to_tensor(secret)).revealed
    assert np.array_equal(hidden.delivered.picture, to_array(expected))


@pytest.mark.parametrize("strength", [1, 5])
def test_so_does_one_in_colour(strength):
    cover, secret = scene(40, 57), scene(40, 57, seed=1)
    hidden = hide(small(), cover, secret, strength=strength, color=True)
    assert hidden.delivered.picture.shape == (40, 57, 3) and np.array_equal(
        reveal(small(), hidden.stego), hidden.delivered.picture
    )
    for strength, words in ((6, "strengths 1 to 5 for secrets in colour"), (2.5, r"unknown strength 2\.5")):
        with pytest.raises(IsganError, match=words):
            hide(small(), cover, secret, strength=strength, color=True)


def test_colours_are_left_out_or_made_up():
    cover, secret = scene(36, 40), scene(36, 40, seed=1)
    assert hide(small(), cover, secret, strength=2).delivered.picture.ndim == 2
    assert hide(small(), cover, secret[..., 0], strength=2, color=True).delivered.picture.ndim == 3


@pytest.mark.parametrize("change", ["phrase", "no secret", "one sample", "brighter", "darker", "cropped", "scheme"])
def test_nothing_is_found_where_there_is_nothing(change):
    """Another pass phrase, another picture, any change: never a wrong picture."""
    cover = PngCover(scene(48, 56))
    stego = hide(small(), scene(48, 56), gray(48, 56), strength=3).stego
    pixels, scheme, phrase = stego.pixels(), small(), "a pass phrase"
    if change == "phrase":
        phrase = "another"
    elif change == "no secret":
        pixels = cover.pixels()
    elif change == "one sample":
        pixels[20, 30, 1] ^= 1
    elif change == "cropped":
        pixels = pixels[:, :-1]
    elif change == "scheme":
        scheme = Neural(stirred(Qim(stages=1, hidden=8, blocks=0)))
    else:
        pixels = pixels + (1 if change == "brighter" else 255)
    changed = PngCover(pixels)
    if change == "scheme":  # other weights read the same symbols: what they make of them is theirs
        assert scheme.reveal(changed, key(changed)).picture.shape == (48, 56)
        return
    with pytest.raises(NothingFound):
        scheme.reveal(changed, key(changed, phrase))


def test_what_must_not_change_does_not():
    """The samples of the salt, and fully transparent pixels; and the rest of the file stays."""
    alpha = np.full((64, 64), 255, np.uint8)
    alpha[:3] = 0
    cover = PngCover(scene(64, 64), alpha)
    hidden = small().hide(cover, Secret(gray(64, 64)), key(cover), Options(strength=7))
    still = cover.frozen[0]
    assert still[:3].all() and still[3:].any()
    assert np.array_equal(hidden.stego.pixels()[still], cover.pixels()[still]) and np.array_equal(
        hidden.stego.alpha, alpha
    )
    assert (hidden.stego.pixels()[~still] != cover.pixels()[~still]).any(axis=-1).mean() > 0.8
    assert hidden.stego.salt() == cover.salt()
    assert np.array_equal(small().reveal(hidden.stego, key(cover)).picture, hidden.delivered.picture)


def test_the_same_twice_is_not_the_same_file():
    first, second = (hide(small(), scene(48, 48), gray(48, 48), strength=5).stego.pixels() for _ in range(2))
    assert (first != second).any(axis=2).mean() > 0.5


def test_hiders_without_symbols_have_no_key():
    scheme = Neural(stirred(Wavelet(blocks=1, hidden=8)))
    assert not scheme.keyed and Neural(hiders[LSB]()).keyed is False and scheme.strengths == 0
    stego = hide(scheme, scene(40, 48), gray(40, 48)).stego
    revealed = [scheme.reveal(stego, key(stego, phrase)).picture for phrase in ("one", "another")]
    assert np.array_equal(*revealed)


@settings(deadline=None, max_examples=30)
@given(st.integers(32, 150), st.integers(32, 150))
def test_any_size_round_trips(height, width):
    scheme, cover = Neural(hiders[LSB](), tile=64), PngCover(scene(height, width))
    secret, no_key = gray(height, width), key_of(bytes(32))
    stego = scheme.hide(cover, Secret(secret), no_key, Options()).stego
    assert np.array_equal(scheme.reveal(stego, no_key).picture, secret)


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (61, 35)])
def test_networks_take_any_size(size):
    for scheme in (small(), Neural(stirred(ISGAN()))):
        hidden = hide(scheme, scene(*size), gray(*size))
        assert hidden.stego.pixels().shape == (*size, 3) and reveal(scheme, hidden.stego).shape == size


def test_two_threads_share_one_scheme():
    scheme, wrong = Neural(stirred(Qim(hidden=8, blocks=0))), []
    jobs = {strength: (scene(40, 40, strength), gray(40, 40, strength + 9)) for strength in range(1, 8)}
    start = threading.Barrier(2)

    def work(order: list[int]) -> None:
        start.wait()
        for strength in order:
            hidden = hide(scheme, *jobs[strength], strength=strength)
            if (
                not np.array_equal(reveal(scheme, hidden.stego), hidden.delivered.picture)
                or hidden.facts["strength"] != strength
            ):
                wrong.append(strength)

    threads = [threading.Thread(target=work, args=(order,)) for order in ([*jobs], [*jobs][::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# ---------------------------------------------------------------------- tiles


def levels(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.abs(a.astype(int) - b).max())


def largest_differences(hider, height: int, width: int, tile: int) -> tuple[int, int]:
    """Between tiles and the whole picture, in levels: of hiding and of revealing."""
    cover, secret = scene(height, width), gray(height, width)
    tiled, whole = Neural(hider, tile), Neural(hider)
    stego = hide(whole, cover, secret).stego
    return levels(hide(tiled, cover, secret).stego.pixels(), stego.pixels()), levels(
        reveal(tiled, stego), reveal(whole, stego)
    )


networks = pytest.mark.parametrize(
    ("build", "size", "tile"),
    [(lambda: Wavelet(blocks=2, hidden=8), (150, 210), 64), (lambda: ISGAN(residual=0.2), (90, 131), 48)],
    ids=["wavelet", "isgan"],
)


@networks
def test_tiled_equals_untiled(build, size, tile):
    assert max(largest_differences(stirred(build()), *size, tile)) <= 1


@networks
def test_tiles_need_their_overlap(build, size, tile):
    """So the test above can fail: without it tiles show, in the stego image and in the secret."""
    hider = stirred(build())
    hider.halo = 0
    assert min(largest_differences(hider, *size, tile)) > 1


@pytest.mark.parametrize("color", [False, True])
def test_sealed_secrets_in_tiles(color):
    """What was hidden whole is revealed in tiles, and the other way round; of colour secrets tiles lie on a coarser
    grid."""
    hider = stirred(Qim(stages=2, hidden=8, blocks=0))
    whole, tiled = Neural(hider), Neural(hider, tile=60)
    cover, secret = scene(130, 124), scene(130, 124, seed=1) if color else gray(130, 124)
    for one, other in ((whole, tiled), (tiled, whole)):
        hidden = hide(one, cover, secret, strength=4, color=color)
        assert levels(reveal(other, hidden.stego), hidden.delivered.picture) <= 1
    with torch.no_grad():
        expected = whole.settings[3 + 7 * color](to_tensor(cover), to_tensor(secret)).revealed
    delivered = hide(tiled, cover, secret, strength=4, color=color).delivered.picture
    assert (np.abs(delivered - to_array(expected).astype(int)) > 1).mean() < 0.01


class Spy(hiders[LSB]):
    """Keeps the shapes of what goes through it."""

    halo = reveal_halo = 10

    def __init__(self) -> None:
        super().__init__()
        self.hidden: list[tuple[int, ...]] = []
        self.revealed: list[tuple[int, ...]] = []

    def hide(self, cover, secret):
        assert cover.dtype == secret.dtype == torch.float32 and not self.training and len(cover) == len(secret)
        self.hidden.append((len(cover), *cover.shape[2:]))
        return super().hide(cover, secret)

    def reveal(self, stego):
        self.revealed.append((len(stego), *stego.shape[2:]))
        return super().reveal(stego)


def test_only_tiles_go_through_the_network():
    spy, calls = Spy(), []
    hide(Neural(spy, tile=50), scene(130, 58), gray(130, 58), lambda *call: calls.append(call))
    assert spy.hidden == spy.revealed == [(1, 54, 58), (1, 64, 58), (1, 52, 58)]
    assert calls == [(2, 9), (4, 9), (6, 9), (7, 9), (8, 9), (9, 9)]


def test_tiles_of_one_size_go_through_the_network_in_batches():
    spy, cover, secret = Spy(), scene(250, 60), gray(250, 60)
    spy.halo = spy.reveal_halo = 8
    stego = hide(Neural(spy, tile=50, batch=2), cover, secret).stego
    assert (
        spy.hidden == spy.revealed == [(2, 58, 60), (2, 66, 60), (1, 66, 60)]
    )  # the first and the last, then those between
    assert np.array_equal(stego.pixels(), hide(Neural(hiders[LSB](), tile=50), cover, secret).stego.pixels())


def test_each_half_has_its_own_overlap():
    spy = Spy()
    spy.halo, spy.reveal_halo = 20, 6
    stego = hide(Neural(spy, tile=50), scene(100, 50), gray(100, 50)).stego
    spy.revealed.clear()
    reveal(Neural(spy, tile=50), stego)
    assert [height for _, height, _ in spy.hidden] == [70, 70] and [height for _, height, _ in spy.revealed] == [56, 56]


def test_tiles_of_large_pictures_are_about_a_thousand_pixels_a_side():
    spy = Spy()
    cover = PngCover(np.tile(np.array([1, 2, 3], np.uint8), (1200, 2500, 1)))
    Neural(spy).hide(cover, Secret(np.zeros((1200, 2500), np.uint8)), key_of(bytes(32)), Options())
    sides = [side for shape in spy.hidden for side in shape[1:]]
    assert min(sides) > 512 and max(sides) <= 1.2 * 1024 + 2 * spy.halo


# ---------------------------------------------------------------------- rounding


def test_what_is_hidden_is_rounded_as_in_training():
    """R, G and B apart; plain rounding is something else."""
    hider = stirred(Wavelet(blocks=1, hidden=8)).eval()
    cover, secret = scene(40, 56), gray(40, 56)
    with torch.no_grad():
        made = hider(to_tensor(cover), to_tensor(secret)).stego
        plain = hider.hide(to_tensor(cover), to_tensor(secret))
    stego = hide(Neural(hider), cover, secret).stego.pixels()
    assert np.array_equal(stego, to_array(made)) and not np.array_equal(stego, to_array(plain))


def test_threads_of_torch_do_not_change_the_picture():
    scheme, cover = Neural(stirred(Wavelet(blocks=2, hidden=8))), PngCover(scene(130, 150))
    before, revealed = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            revealed.append(reveal(scheme, cover))
    finally:
        torch.set_num_threads(before)
    assert levels(revealed[0], revealed[1]) <= 1 and levels(revealed[0], revealed[2]) <= 1


def test_evaluation_mode():
    hider = stirred(ISGAN()).train()
    hide(Neural(hider), scene(40, 40), gray(40, 40))
    assert hider.encoder[0][1].num_batches_tracked == 0 and not hider.training


# ---------------------------------------------------------------------- the strength


@pytest.mark.parametrize("color", [False, True])
def test_the_chosen_strength_makes_the_worse_end_best(color, monkeypatch):
    """Of a small picture, which is one window, as measured."""
    scheme = Neural(models.hider("qim"))
    monkeypatch.setattr("isgan.schemes.neural.SAMPLE", 48)
    cover = scene(48, 48)
    for seed, noise in ((1, 1), (2, 4), (3, 100)):
        grains = np.random.default_rng(0).integers(0, 60, (48, 48, 3))
        secret = np.clip(gray(48, 48, seed)[..., None] / noise + grains, 0, 255).astype(np.uint8)
        image = secret if color else secret[..., 0]
        worse = []
        for view in scheme.settings:
            if view.color == color:
                with torch.no_grad():
                    made = view(to_tensor(cover), to_tensor(image))
                stego, revealed = (
                    psnr(to_array(made.stego), cover),
                    -10 * (made.revealed - to_tensor(image)).square().mean().log10().item(),
                )
                worse.append(min(stego - MARGIN, revealed))
        assert worse[scheme.choose(cover, image) - 1] >= max(worse) - 0.3
        assert hide(scheme, cover, image, color=color).facts["strength"] == scheme.choose(cover, image)


def test_smooth_secrets_are_hidden_fainter_than_noise():
    scheme = Neural(models.hider("qim"))
    y, x = np.mgrid[0:64, 0:64]
    smooth, noise = (2 * x + y).astype(np.uint8), np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    assert scheme.choose(scene(64, 64), smooth) < scheme.choose(scene(64, 64), noise) == scheme.strengths


# ---------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("cover", "secret", "options", "words"),
    [
        ((31, 40), (31, 40), {}, "the cover is 40 x 31: take one of at least 32"),
        ((40, 41), (41, 40), {}, "the secret is 40 x 41, the cover 41 x 40"),
        ((40, 40), (40, 40), {"strength": 0}, "strengths 1 to 7, not 0"),
        ((40, 40), (40, 40), {"strength": 8}, "strengths 1 to 7, not 8"),
        ((40, 40), (40, 40), {"polish": 1001}, "1001 steps of polishing: from 0 to 1000"),
        ((40, 40), (40, 40), {"polish": -1}, "from 0 to 1000"),
    ],
)
def test_what_is_refused(cover, secret, options, words):
    with pytest.raises(IsganError, match=words) as caught:
        hide(small(), scene(*cover), gray(*secret), **options)
    assert "\n" not in str(caught.value)


def test_covers_that_it_is_not_for():
    gray_cover = PngCover(gray(40, 40))
    with pytest.raises(IsganError, match="colour pictures, and this one is gray"):
        small().hide(gray_cover, Secret(gray(40, 40)), key_of(bytes(32)), Options())
    with pytest.raises(NothingFound):
        small().reveal(gray_cover, key_of(bytes(32)))
    coefficients = PngCover(scene(40, 40))
    coefficients.bounds = (-1023, 1023)
    with pytest.raises(NothingFound):
        small().reveal(coefficients, key_of(bytes(32)))
    with pytest.raises(IsganError, match=r"not in a JPEG: take a name that ends in \.png"):
        small().hide(coefficients, Secret(gray(40, 40)), key_of(bytes(32)), Options())
    with pytest.raises(IsganError, match="hides pictures alone"):
        small().hide(PngCover(scene(40, 40)), Secret(data=b"a file"), key_of(bytes(32)), Options())


def test_what_hiders_without_a_dial_cannot_do():
    scheme = Neural(hiders[LSB]())
    for options, words in (
        ({"color": True}, "gray secrets only"),
        ({"strength": 3}, "no strength"),
        ({"polish": 3}, "nothing to polish"),
    ):
        with pytest.raises(IsganError, match=words):
            hide(scheme, scene(40, 40), gray(40, 40), **options)
    with pytest.raises(IsganError, match="no strength"):
        scheme.choose(scene(40, 40), gray(40, 40))


def test_what_cannot_be_made():
    for options, words in (
        ({"engine": "tpu"}, "'torch' or 'openvino', not 'tpu'"),
        ({"batch": 0}, "batch of 0 tiles"),
        ({"batch": 2, "engine": "openvino"}, "batch of 2 tiles"),
    ):
        with pytest.raises(IsganError, match=words):
            Neural(hiders[LSB](), **options)

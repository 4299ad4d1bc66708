"""Any size, in tiles: the result is the whole picture's. And what is reported is what the receiver gets."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import scene, stirred
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import isgan
from isgan import models
from isgan.errors import IsganError, IsganWarning
from isgan.hiders import hiders
from isgan.hiders.isgan import ISGAN
from isgan.hiders.wavelet import Wavelet
from isgan.image import read_gray, read_rgb, to_array, to_tensor
from isgan.steganographer import Steganographer, compare, fit, hide_file, read_stego, reveal_file, tiles

sizes = st.tuples(st.integers(1, 300), st.integers(1, 300))


def gray(height: int, width: int, seed: int = 1) -> np.ndarray:
    return scene(height, width, seed)[..., 0]


@settings(deadline=None)
@given(sizes, st.integers(16, 100), st.integers(1, 16), st.integers(0, 40))
def test_tiles_cover_the_picture_once(size, side, multiple, halo):
    counts, picture = np.zeros(size, int), np.arange(size[0] * size[1]).reshape(size)
    for tile in tiles(*size, side, multiple, halo):
        counts[tile.kept] += 1
        assert np.array_equal(picture[tile.seen][tile.inside], picture[tile.kept])
        for seen, kept, length in zip(tile.seen, tile.kept, size, strict=True):
            assert seen.start % multiple == kept.start % multiple == 0
            assert kept.stop - kept.start <= 1.2 * side + multiple
            assert seen.start == 0 or kept.start - seen.start >= halo
            assert seen.stop == length or (seen.stop - kept.stop >= halo and seen.stop % multiple == 0)
    assert (counts == 1).all()


def largest_differences(hider, height: int, width: int, tile: int) -> tuple[int, int]:
    """Between tiles and the whole picture, in levels: of hiding and of revealing."""
    cover, secret = scene(height, width), gray(height, width)
    tiled, whole = Steganographer(hider, tile), Steganographer(hider)
    stego = whole.hide(cover, secret)
    pairs = (tiled.hide(cover, secret), stego), (tiled.reveal(stego), whole.reveal(stego))
    return tuple(np.abs(a.astype(int) - b).max() for a, b in pairs)


networks = pytest.mark.parametrize(
    "build, size, tile", [(Wavelet, (300, 420), 128), (lambda: ISGAN(residual=0.2), (90, 131), 48)], ids=["wavelet", "isgan"]
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


def test_what_is_hidden_is_rounded_as_in_training():
    """R, G and B apart; plain rounding is something else."""
    hider = stirred(Wavelet(blocks=1, hidden=8, apart=True)).eval()
    cover, secret = scene(40, 56), gray(40, 56)
    with torch.no_grad():
        made = hider(to_tensor(cover), to_tensor(secret)).stego
        plain = hider.hide(to_tensor(cover), to_tensor(secret))
    stego = Steganographer(hider).hide(cover, secret)
    assert np.array_equal(stego, to_array(made)) and not np.array_equal(stego, to_array(plain))


def test_only_tiles_go_through_the_network():
    class Spy(hiders["lsb332"]):
        halo = 10
        shapes: list[tuple[int, ...]] = []  # noqa: RUF012

        def hide(self, cover, secret):
            assert cover.dtype == secret.dtype == torch.float32 and not self.training
            self.shapes.append(cover.shape[2:])
            return super().hide(cover, secret)

    calls = []
    Steganographer(Spy(), tile=50).hide(scene(130, 58), gray(130, 58), lambda *call: calls.append(call))
    assert Spy.shapes == [(54, 58), (64, 58), (52, 58)]
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_tiles_of_one_size_go_through_the_network_in_batches():
    class Spy(hiders["lsb332"]):
        halo = reveal_halo = 8
        shapes: list[tuple[int, ...]] = []  # noqa: RUF012

        def hide(self, cover, secret):
            assert len(secret) == len(cover) and torch.backends.cudnn.enabled and not torch.backends.cudnn.allow_tf32
            self.shapes.append((len(cover), *cover.shape[2:]))
            return super().hide(cover, secret)

        def reveal(self, stego):
            self.shapes.append((len(stego), *stego.shape[2:]))
            return super().reveal(stego)

    calls = []
    cover, secret = scene(250, 60), gray(250, 60)
    stego = Steganographer(Spy(), tile=50, batch=2).hide(cover, secret, lambda *call: calls.append(call))
    assert Spy.shapes == [(2, 58, 60), (2, 66, 60), (1, 66, 60)]  # the first and the last, then those between
    assert calls == [(2, 5), (4, 5), (5, 5)]
    one_by_one = Steganographer(hiders["lsb332"](), tile=50)
    assert np.array_equal(stego, one_by_one.hide(cover, secret))
    Spy.shapes.clear()
    assert np.array_equal(Steganographer(Spy(), tile=50, batch=8).reveal(stego), one_by_one.reveal(stego))
    assert Spy.shapes == [(2, 58, 60), (3, 66, 60)]
    for batch, engine in ((0, "torch"), (2, "openvino")):
        with pytest.raises(IsganError, match=f"batch of {batch} tiles"):
            Steganographer(Spy(), batch=batch, engine=engine)


def test_each_half_has_its_own_overlap():
    class Spy(hiders["lsb332"]):
        halo, reveal_halo = 20, 6
        heights: list[int] = []  # noqa: RUF012

        def hide(self, cover, secret):
            self.heights.append(cover.shape[2])
            return cover

        def reveal(self, stego):
            self.heights.append(stego.shape[2])
            return stego[:, :1]

    steganographer = Steganographer(Spy(), tile=50)
    steganographer.hide(scene(100, 50), gray(100, 50))
    steganographer.reveal(scene(100, 50))
    assert Spy.heights == [70, 70, 56, 56]


def test_tiles_of_large_pictures_are_about_a_thousand_pixels_a_side():
    class Spy(hiders["lsb332"]):
        halo = 10
        sides: list[int] = []  # noqa: RUF012

        def hide(self, cover, secret):
            self.sides += cover.shape[2:]
            return cover

    assert isgan.load("lsb332").tile == 1024
    Steganographer(Spy()).hide(np.zeros((1200, 2500, 3), np.uint8), np.zeros((1200, 2500), np.uint8))
    assert min(Spy.sides) > 512 and max(Spy.sides) <= 1.2 * 1024 + 2 * Spy.halo


@settings(deadline=None, max_examples=30)
@given(st.integers(32, 150), st.integers(32, 150))
def test_any_size_round_trips(height, width):
    steganographer = Steganographer(hiders["lsb332"](), tile=64)
    secret = gray(height, width)
    assert np.array_equal(steganographer.reveal(steganographer.hide(scene(height, width), secret)), secret)


@pytest.mark.parametrize("name", ["qim", "isgan"])
@pytest.mark.parametrize("size", [(32, 32), (33, 47), (61, 35)])
def test_networks_take_any_size(name, size):
    steganographer = Steganographer(stirred(hiders[name]()))
    stego = steganographer.hide(scene(*size), gray(*size))
    assert stego.shape == (*size, 3) and stego.dtype == np.uint8
    assert steganographer.reveal(stego).shape == size


def test_threads_do_not_change_the_picture():
    steganographer = Steganographer(stirred(Wavelet(blocks=2)))
    before, revealed = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            revealed.append(steganographer.reveal(scene(130, 150)).astype(int))
    finally:
        torch.set_num_threads(before)
    assert np.abs(revealed[0] - revealed[1]).max() <= 1 and np.abs(revealed[0] - revealed[2]).max() <= 1


def test_the_whole_picture_is_rounded_not_truncated():
    hider = Wavelet()  # as built: stego = cover, but for what the transform's rounding does
    cover = scene(64, 64)
    assert np.array_equal(Steganographer(hider).hide(cover, gray(64, 64)), cover)
    with torch.inference_mode():
        exact = hider.reveal(to_tensor(cover))
    assert np.array_equal(Steganographer(hider).reveal(cover), to_array(exact))


def test_evaluation_mode():
    hider = stirred(ISGAN()).train()
    Steganographer(hider).hide(scene(40, 40), gray(40, 40))
    assert hider.encoder[0][1].num_batches_tracked == 0 and not hider.training


@pytest.mark.parametrize("cover, secret, words", [
    ((31, 40), (31, 40), "40 x 31.*at least 32"),
    ((40, 31), (40, 31), "at least 32"),
    ((40, 41), (41, 40), "secret is 40 x 41, the cover 41 x 40"),
])  # fmt: skip
def test_sizes_that_are_refused(cover, secret, words):
    with pytest.raises(IsganError, match=words):
        Steganographer(hiders["lsb332"]()).hide(scene(*cover), gray(*secret))


def test_fit():
    secret = gray(40, 60)
    assert fit(secret, 40, 60) is secret
    wide = np.repeat(np.array([[0, 100, 200]], np.uint8), 20, axis=1).repeat(20, axis=0)  # 20 high, 60 wide, three thirds
    assert fit(wide, 100, 100, "stretch")[50, [10, 50, 90]].tolist() == [0, 100, 200]
    assert fit(wide, 100, 100, "crop")[50, [20, 50, 80]].tolist() == [100, 100, 100]
    padded = fit(wide, 120, 120, "pad")
    assert padded[[10, 110]].max() == 0 and padded[60, [10, 60, 110]].tolist() == [0, 100, 200]
    with pytest.raises(IsganError, match="'stretch', 'crop' or 'pad', not 'zoom'"):
        fit(secret, 50, 50, "zoom")


@pytest.mark.parametrize("height", [33, 128, 138, 139, 300])
def test_compare_agrees_with_scikit_image(height):
    """In strips of 128 rows as if in one piece."""
    a, b = scene(height, 45), scene(height, 45, seed=2)
    for x, y, axis in ((a, b, -1), (a[..., 0], b[..., 0], None)):
        scores = compare(x, y)
        oracle = {"data_range": 255, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        assert scores.psnr == pytest.approx(peak_signal_noise_ratio(y, x, data_range=255), abs=1e-9)
        assert scores.ssim == pytest.approx(structural_similarity(x, y, channel_axis=axis, **oracle), abs=1e-5)
    assert compare(a, a) == (float("inf"), pytest.approx(1))


def test_what_is_reported_is_in_the_file(folder):
    cover, secret = read_rgb("cover.png"), fit(read_gray("secret.png"), 48, 64)
    calls = []
    made = hide_file("cover.png", "secret.png", "stego.png", model="lsb121", progress=lambda *call: calls.append(call))
    assert np.array_equal(read_rgb("stego.png"), made.stego)
    revealed = reveal_file("stego.png", "revealed.png", model="lsb121")
    assert np.array_equal(read_gray("revealed.png"), revealed)
    assert made.stego_scores.psnr == pytest.approx(peak_signal_noise_ratio(cover, read_rgb("stego.png")))
    assert made.secret_scores.psnr == pytest.approx(peak_signal_noise_ratio(secret, revealed))
    assert calls == [(1, 2), (2, 2)]


def test_a_secret_that_would_not_come_back_is_not_saved(folder, model):
    with pytest.raises(IsganError, match=r"would come back at \d+\.\d dB, under the minimum of 20 dB"):
        hide_file("cover.png", "secret.png", "stego.png", model=model)
    assert not Path("stego.png").exists()


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "jpg", "webp"])
def test_formats_that_change_pixels_are_noted(folder, recwarn, suffix):
    Image.open("cover.png").save(f"stego.{suffix}")
    read_stego(f"stego.{suffix}")
    read_stego(Image.open(f"stego.{suffix}"))
    lossy = suffix in ("jpg", "webp")
    assert [warning.category for warning in recwarn] == [IsganWarning] * (2 * lossy)
    assert all("probably gone" in str(warning.message) for warning in recwarn)


def test_large_pictures_are_compared_by_strips(monkeypatch):
    """Of a picture that is alike everywhere a third of the strips say what all of them do, and PSNR is of all pixels."""
    random = np.random.default_rng(0)
    original = random.integers(40, 200, (2000, 64), dtype=np.uint8)
    picture = (original + random.integers(-9, 10, original.shape)).astype(np.uint8)
    whole = compare(picture, original)
    monkeypatch.setattr("isgan.steganographer.ALL_PIXELS", 2000 * 64 // 3)
    strips = compare(picture, original)
    assert strips.psnr == whole.psnr and strips.ssim != whole.ssim and strips.ssim == pytest.approx(whole.ssim, abs=2e-3)


@pytest.mark.parametrize("turned", [np.rot90, np.flipud, np.asfortranarray])
def test_arrays_of_any_layout(dial, turned):
    """What is written into the lowest bits last is in the result."""
    cover, secret = turned(scene(64, 64)), turned(scene(64, 64, seed=1))[..., 0]
    steganographer = Steganographer(models.hider(dial))
    stego = steganographer.hide(cover, secret, strength=3)
    assert steganographer.strength_of(stego) == 3 and np.array_equal(stego, steganographer.hide(cover.copy("C"), secret, strength=3))
    assert np.array_equal(steganographer.reveal(np.asfortranarray(stego)), steganographer.reveal(stego))


@pytest.mark.parametrize(
    ("cover", "secret", "words"),
    [
        (np.zeros((40, 40, 3)), np.zeros((40, 40), np.uint8), "give uint8"),
        (np.zeros((40, 40), np.uint8), np.zeros((40, 40), np.uint8), "the cover is gray"),
        (np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), np.float32), "give uint8"),
        (np.zeros((40, 40, 4), np.uint8), np.zeros((40, 40), np.uint8), "channels last"),
    ],
)
def test_arrays_that_are_no_pictures(dial, cover, secret, words):
    steganographer = Steganographer(models.hider(dial))
    with pytest.raises(IsganError, match=words):
        steganographer.hide(cover, secret)
    if secret.dtype == np.uint8:
        with pytest.raises(IsganError, match=words.replace("cover", "stego image")):
            steganographer.reveal(cover)


def test_half_a_strength(dial):
    with pytest.raises(IsganError, match=r"strengths 1 to 7, not 2\.5"):
        Steganographer(models.hider(dial)).hide(scene(40, 40), scene(40, 40)[..., 0], strength=2.5)


def test_a_stego_image_that_a_viewer_turned_is_read_as_it_was(tmp_path):
    """Only a tag was added: the pixels are where they were."""
    hide_file(scene(40, 56), scene(40, 56, seed=1), tmp_path / "stego.png", model="lsb332")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(tmp_path / "stego.png").save(tmp_path / "turned.png", exif=exif)
    secrets = [reveal_file(tmp_path / name, tmp_path / f"of-{name}", model="lsb332") for name in ("stego.png", "turned.png")]
    assert np.array_equal(*secrets)

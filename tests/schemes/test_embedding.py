"""The sealed path: what is hidden comes back with the pass phrase, and nothing else ever does."""

import math
import re

import numpy as np
import photos
import pytest

from isgan import models
from isgan.covers.png import PngCover
from isgan.errors import IsganError, NothingFound
from isgan.key import NONCE, TAG, Key
from isgan.options import Options
from isgan.payload import unpack
from isgan.schemes.embedding import HEAD, Embedding
from isgan.secret import Secret

HIGH = Options(risk="high")


@pytest.fixture(scope="module")
def scheme() -> Embedding:
    return models.load("adaptive")


def key_of(cover: PngCover, phrase: str = "correct horse") -> Key:
    return Key(phrase, cover.salt())


def noise(side: int) -> PngCover:
    """Of which every sample may go both ways."""
    return PngCover(np.random.default_rng(side).integers(1, 255, (side, side, 3), np.uint8))


@pytest.fixture(scope="module")
def pair(scheme: Embedding):
    """A cover, what was hidden in it, and the stego image."""
    cover = PngCover(photos.photograph())
    return cover, scheme.hide(cover, Secret(photos.secret(), name="a secret.jpg"), key_of(cover), HIGH)


def test_a_picture_comes_back_as_promised(scheme, pair) -> None:
    _, hidden = pair
    found = scheme.reveal(hidden.stego, key_of(hidden.stego))
    np.testing.assert_array_equal(found.picture, hidden.delivered.picture)
    assert found.name == "a secret.jpg"
    assert found.picture.shape == (72, 96)
    assert hidden.facts["secret dB"] > 38


def test_the_salt_survives_and_changes_are_small(pair) -> None:
    cover, hidden = pair
    assert cover.salt() == hidden.stego.salt()
    for before, after, frozen in zip(cover.planes, hidden.stego.planes, cover.frozen, strict=True):
        change = after - before
        assert np.abs(change).max() == 1
        assert not change[frozen].any()


@pytest.mark.parametrize("gray", [False, True])
def test_bytes_come_back_exactly(scheme, gray: bool) -> None:
    cover = PngCover(photos.photograph(gray=gray))
    data = np.random.default_rng(1).bytes(400)
    hidden = scheme.hide(cover, Secret(data=data, name="notes.txt"), key_of(cover), HIGH)
    assert scheme.reveal(hidden.stego, key_of(cover)) == Secret(data=data, name="notes.txt")


def test_nothing_is_found_without_the_pass_phrase(scheme, pair) -> None:
    cover, hidden = pair
    messages = set()
    for stego, phrase in ((hidden.stego, "correct horsf"), (cover, "correct horse")):
        with pytest.raises(NothingFound) as caught:
            scheme.reveal(stego, key_of(stego, phrase))
        messages.add(str(caught.value))
    assert len(messages) == 1


def test_a_changed_sample_never_gives_a_wrong_picture(scheme, pair) -> None:
    _, hidden = pair
    rng = np.random.default_rng(2)
    lost = 0
    for _ in range(20):
        planes = tuple(plane.copy() for plane in hidden.stego.planes)
        plane, row, column = rng.integers(3), *rng.integers(128, size=2)
        planes[plane][row, column] ^= 1
        try:
            found = scheme.reveal(hidden.stego.changed(planes), key_of(hidden.stego))
            np.testing.assert_array_equal(found.picture, hidden.delivered.picture)
        except NothingFound:
            lost += 1
    assert lost > 0  # the change of one bit is noticed


def test_the_same_twice_is_embedded_elsewhere(scheme, pair) -> None:
    """A nonce that repeated would repeat the keystream."""
    cover, hidden = pair
    again = scheme.hide(cover, Secret(photos.secret(), name="a secret.jpg"), key_of(cover), HIGH)
    bits = [np.concatenate([(after - before).ravel() for before, after in zip(cover.planes, one.stego.planes, strict=True)])
            for one in (hidden, again)]  # fmt: skip
    assert (bits[0] != bits[1]).mean() > 0.01


@pytest.mark.parametrize("risk", ["low", "medium", "high"])
def test_a_payload_fits_exactly_into_the_room_there_is(scheme, risk) -> None:
    cover = PngCover(photos.photograph())
    room = scheme.room(cover, risk)
    overhead = 2 + 1  # the payload's own head, and what the file codec adds to what it cannot compress
    data = np.random.default_rng(3).bytes(room)
    most = next(size for size in range(room - 2, 0, -1)
                if len(scheme_payload(data[:size])) <= room)  # fmt: skip
    assert most >= room - 2 - 8 * overhead
    options = Options(risk=risk)
    hidden = scheme.hide(cover, Secret(data=data[:most]), key_of(cover), options)
    assert scheme.reveal(hidden.stego, key_of(cover)).data == data[:most]
    with pytest.raises(IsganError, match=r"bytes.*times as many pixels"):
        more = np.random.default_rng(4).bytes(scheme.room(cover, risk, surely=False))
        scheme.hide(cover, Secret(data=more), key_of(cover), options)


def scheme_payload(data: bytes) -> bytes:
    from isgan.payload import pack

    return pack(Secret(data=data), 10**9, Options(), "avif", lambda size: 1.0).data


def test_rooms_grow_with_the_risk_and_with_the_samples(scheme) -> None:
    """By the square root of them from the measured covers on, and in proportion in smaller ones, which the square-root rule flatters."""
    small, middle, large = (noise(side) for side in (128, 256, 512))
    for cover in (small, middle, large):
        assert scheme.room(cover, "low") < scheme.room(cover, "medium") < scheme.room(cover, "high")
    for risk in ("low", "medium"):
        bytes_ = [scheme.room(cover, risk) + TAG + HEAD for cover in (small, middle, large)]
        assert bytes_[1] / bytes_[0] == pytest.approx(4, rel=0.02) and bytes_[2] / bytes_[1] == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize("risk", ["low", "medium", "high"])
@pytest.mark.parametrize("times", [2.5, 9])
def test_covers_as_much_larger_as_said_take_the_secret(scheme, risk, times) -> None:
    cover = noise(128)
    room = scheme.room(cover, risk)
    size = int(times * (room + TAG + HEAD)) - TAG - HEAD
    said = scheme.larger("png", room, risk)(size)
    side = 128 * said**0.5
    assert scheme.room(noise(int(side) + 1), risk) >= size
    assert scheme.room(noise(int(0.97 * side)), risk) < size


def test_a_secret_is_made_smaller_only_when_30_db_do_not_fit(scheme) -> None:
    cover = PngCover(photos.photograph(256))
    hidden = scheme.hide(cover, Secret(photos.secret(400, 300)), key_of(cover), Options(risk="low"))
    height, width = hidden.delivered.picture.shape
    assert 64 <= height < 300, hidden.facts
    assert width / height == pytest.approx(4 / 3, abs=0.03)
    assert hidden.facts["secret dB"] >= 30


def test_a_codec_without_loss_says_how_much_larger_a_cover_takes_all_of_it(scheme) -> None:
    cover = PngCover(photos.photograph(192))
    hidden = scheme.hide(cover, Secret(photos.secret(256, 256)), key_of(cover), Options(risk="high", codec="lossless"))
    said = hidden.facts["for more"]
    times = float(re.match(r"about ([\d.]+) times", said)[1])
    shrunk = 256**2 / math.prod(hidden.delivered.picture.shape[:2])
    assert said.endswith("come back as it is") and 0.5 * shrunk < times < 1.5 * shrunk and shrunk > 1.3


def test_a_secret_that_would_be_worse_than_30_db_at_64_pixels_is_refused_with_remedies(scheme) -> None:
    cover = PngCover(photos.photograph(192))
    secret = Secret(np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8))
    with pytest.raises(IsganError, match=r"pixels in the cover or --risk medium, or if --gray is given"):
        scheme.hide(cover, secret, key_of(cover), Options(risk="low"))
    with pytest.raises(IsganError, match="or if the secret is simpler"):
        scheme.hide(cover, secret, key_of(cover), Options(risk="low", gray=True))


def test_a_quality_that_does_not_fit_is_refused_with_remedies(scheme) -> None:
    cover = PngCover(photos.photograph())
    with pytest.raises(IsganError, match=r"--risk .*--quality"):
        scheme.hide(cover, Secret(photos.secret(400, 300)), key_of(cover), Options(risk="low", quality=45.0))


def test_a_cover_that_is_too_small_is_refused(scheme) -> None:
    cover = PngCover(photos.photograph(24))
    with pytest.raises(IsganError, match="too small"):
        scheme.hide(cover, Secret(data=b"x"), key_of(cover), HIGH)


def test_every_embedding_model_hides_and_reveals() -> None:
    cover = PngCover(photos.photograph())
    for name in models.names():
        if models.card(name)["scheme"] == "embedding":
            scheme = models.load(name)
            hidden = scheme.hide(cover, Secret(photos.secret(64, 64)), key_of(cover), HIGH)
            np.testing.assert_array_equal(scheme.reveal(hidden.stego, key_of(cover)).picture, hidden.delivered.picture)


def test_a_larger_cover_gives_a_better_secret(scheme) -> None:
    covers = [PngCover(photos.photograph(side)) for side in (128, 256)]
    made = [scheme.hide(cover, Secret(photos.secret(160, 120)), key_of(cover), Options()) for cover in covers]
    assert made[0].facts["secret dB"] < made[1].facts["secret dB"] <= 41


def test_hostile_bytes_under_a_right_key_are_an_error_and_no_more(scheme) -> None:
    cover = PngCover(photos.photograph())
    rng = np.random.default_rng(4)
    for number in range(25):
        payload = bytes([number % 8, int(rng.integers(0, 4))]) + rng.bytes(int(rng.integers(0, 60)))
        key = key_of(cover)
        changes = scheme._embed(cover, payload, key, "high", lambda done, total: None)
        stego = cover.changed(tuple(plane + change for plane, change in zip(cover.planes, changes, strict=True)))
        try:
            found = scheme.reveal(stego, key)
            assert found.data is not None or found.picture is not None
        except IsganError as error:
            assert "\n" not in str(error)


def test_the_head_is_as_long_as_the_format_says() -> None:
    assert HEAD == NONCE + 1 + 4 + TAG == 37


def test_a_hostile_name_does_no_harm() -> None:
    name = "../a\x1b]0;title\x07\n\u202etxt".encode()
    found = unpack(bytes([0, len(name)]) + name + b"\0data")
    assert found.name == ".._a_]0;title___txt" and found.data == b"data"


def test_the_head_lies_in_places_that_the_key_chooses(scheme) -> None:
    cover = PngCover(photos.photograph(64))
    places = {(first.row, first.column) for first in (scheme.slots(cover, key_of(cover, f"{i}")).parts[0] for i in range(24))}
    assert len(places) == 4


def test_exactly_gray_parts_of_a_colour_cover_stay_gray(scheme) -> None:
    picture = photos.photograph()
    picture[:80] = picture[:80].mean(axis=2, keepdims=True)
    cover = PngCover(picture)
    hidden = scheme.hide(cover, Secret(data=b"x" * 200), key_of(cover), HIGH)
    assert (np.ptp(hidden.stego.pixels()[:79], axis=2) == 0).all()
    assert scheme.reveal(hidden.stego, key_of(cover)).data == b"x" * 200


def test_samples_that_may_not_change_count_in_the_room(scheme) -> None:
    """Half of the pixels are white or black and move one way only, and a tenth is exactly gray, where a change would show."""
    pixels = photos.photograph()
    pixels[:64] = np.where(np.random.default_rng(0).random((64, 128, 1)) < 0.5, 0, 255).repeat(3, axis=2)
    cover, free = PngCover(pixels), PngCover(photos.photograph())
    assert scheme.room(cover, "high") < 0.8 * scheme.room(free, "high")
    assert scheme.room(cover, "high") < scheme.room(cover, "high", surely=False)
    hidden = scheme.hide(cover, Secret(photos.photograph(128, 1)), key_of(cover), HIGH)  # reduced until it fits
    assert np.array_equal(scheme.reveal(hidden.stego, key_of(cover)).picture, hidden.delivered.picture)


def test_at_high_risk_gray_parts_are_of_use_where_nothing_else_is_left(scheme) -> None:
    pixels = photos.photograph()
    pixels[:40] = pixels[:40, :, :1]
    cover = PngCover(pixels)
    sure = scheme.room(cover, "high")
    reach = scheme.room(cover, "high", surely=False)
    assert reach > 1.3 * sure
    for size, touched in ((sure // 2, False), (int(0.97 * reach), True)):
        data = np.random.default_rng(2).bytes(size)
        hidden = scheme.hide(cover, Secret(data=data), key_of(cover), HIGH)
        assert scheme.reveal(hidden.stego, key_of(cover)).data == data
        inside = [after[1:38] != before[1:38] for before, after in zip(cover.planes, hidden.stego.planes, strict=True)]
        assert np.any(inside) == touched

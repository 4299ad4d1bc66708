"""Sealed symbols: with the key they come back, changed they do not, and without the key there is nothing to see."""

import functools
import hmac
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from isgan.errors import IsganError, NothingFound
from isgan.hiders.qim import marker
from isgan.hiders.qim.carrier import MODULI, Carrier
from isgan.hiders.qim.marker import MARKER, seal, unseal
from isgan.key import Key

CARRIERS = [Carrier(modulus) for modulus in (*MODULI, *(2 * modulus for modulus in MODULI[:5]))]
GENERATOR = np.random.default_rng(0)


@functools.cache
def key(phrase: str = "a pass phrase") -> Key:
    return Key(phrase, bytes(32))


def pixels(height: int, width: int, low: int = 0, high: int = 255) -> np.ndarray:
    return GENERATOR.integers(low, high + 1, (height, width, 3), dtype=np.uint8)


def frozen(height: int, width: int, count: int = 20) -> np.ndarray:
    still = np.zeros(height * width, bool)
    still[GENERATOR.choice(height * width, count, replace=False)] = True
    return still.reshape(height, width)


def carrying(cover: np.ndarray, carrier: Carrier) -> tuple[np.ndarray, np.ndarray]:
    """Random symbols, and the cover with them in clear."""
    symbols = GENERATOR.integers(0, carrier.modulus, cover[..., 0].size, dtype=np.uint8)
    return symbols, marker._carried(cover, symbols, carrier)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, len(CARRIERS) - 1),
    arrays(np.uint8, (32, 37, 3), elements=st.sampled_from([0, 1, 2, 100, 101, 253, 254, 255])),
    st.integers(0, 60),
)
def test_symbols_and_setting_come_back(setting, cover, count):
    carrier, still, before = CARRIERS[setting], frozen(32, 37, count), cover.copy()
    symbols, stego = carrying(cover, carrier)
    sent = seal(cover, stego, still, setting, carrier, key())
    assert sent.dtype == np.uint8 and np.array_equal(sent[still], cover[still])
    assert np.abs(sent.astype(int) - cover).max() <= 6
    told, opened = unseal(sent, still, CARRIERS, key())
    assert told == setting and np.array_equal(marker._read(opened, carrier), symbols)
    assert np.array_equal(cover, before)


def test_riding_pixels_move_little():
    """By what their symbol and a bit more ask for: the nearest colour, at black and white too."""
    for carrier in (CARRIERS[3], CARRIERS[6], CARRIERS[-1]):
        colours = np.array(list(product((0, 1, 128, 255), repeat=3)), np.uint8)
        steps = np.array(list(product(range(-3, 4), repeat=3)))
        for symbol, bit in product(range(carrier.modulus), (0, 1)):
            count = len(colours)
            found = marker._nearest(
                colours, np.full(count, symbol, np.uint8), np.full(count, bit, np.uint8), carrier
            ).astype(int)
            assert (found @ carrier.weights % carrier.modulus == symbol).all() and (found[:, 2] & 1 == bit).all()
            near = colours[:, None].astype(int) + steps
            right = (near @ carrier.weights % carrier.modulus == symbol) & (near[..., 2] & 1 == bit)
            right &= ((near >= 0) & (near <= 255)).all(axis=2)
            least = np.where(right, np.square(steps).sum(axis=1), 1000).min(axis=1)
            assert (np.square(found - colours).sum(axis=1) <= least).all()


def test_another_key_and_a_picture_that_hides_nothing():
    cover, still = pixels(40, 40), frozen(40, 40)
    sent = seal(cover, carrying(cover, CARRIERS[3])[1], still, 3, CARRIERS[3], key())
    for picture, phrase in ((sent, "another one"), (cover, "a pass phrase"), (pixels(40, 40), "a pass phrase")):
        with pytest.raises(NothingFound):
            unseal(picture, still, CARRIERS, key(phrase))


@pytest.mark.parametrize("setting", [0, 3, 6, 11])
def test_a_changed_picture_gives_nothing_or_exactly_the_symbols(setting):
    """One sample, everywhere one level, turned, cropped: never other symbols."""
    cover, still, carrier = pixels(32, 34, 1, 254), frozen(32, 34), CARRIERS[setting]
    symbols, stego = carrying(cover, carrier)
    sent = seal(cover, stego, still, setting, carrier, key())
    brighter = [np.clip(sent.astype(int) + step, 0, 255).astype(np.uint8) for step in (-1, 1, 2)]
    for changed in (
        *brighter,
        sent[::-1].copy(),
        sent[:, ::-1].copy(),
        sent[..., ::-1].copy(),
        np.roll(sent, 1, axis=0),
    ):
        with pytest.raises(NothingFound):
            unseal(changed, still, CARRIERS, key())
    with pytest.raises(NothingFound):
        unseal(sent[:, :-1].copy(), still[:, :-1], CARRIERS, key())
    nothing = 0
    for row, column, channel in zip(*(GENERATOR.integers(0, side, 60) for side in (32, 34, 3)), strict=True):
        changed = sent.copy()
        changed[row, column, channel] ^= 1
        try:
            told, opened = unseal(changed, still, CARRIERS, key())
        except NothingFound:
            nothing += 1
            continue
        assert told == setting and np.array_equal(marker._read(opened, carrier), symbols)
        assert still[row, column]  # whose samples are part of the salt, and make another key
    assert nothing > 40


def test_every_bit_of_the_marker_matters():
    cover, still, carrier = pixels(40, 40, 5, 250), frozen(40, 40), CARRIERS[2]
    sent = seal(cover, carrying(cover, carrier)[1], still, 2, carrier, key())
    for place in marker._groups(key(), still)[: 8 * MARKER, -1]:
        changed = sent.copy()
        colour = changed.reshape(-1, 3)[place]
        colour[:] = marker._nearest(
            colour[None], marker._symbols(colour[None], carrier), 1 - (colour[2:] & 1), carrier
        )[0]
        with pytest.raises(NothingFound):
            unseal(changed, still, CARRIERS, key())


def test_the_same_twice_repeats_nothing():
    cover, still, carrier = pixels(64, 64), frozen(64, 64), CARRIERS[6]
    symbols, stego = carrying(cover, carrier)
    read = [marker._read(seal(cover, stego, still, 6, carrier, key()), carrier).astype(int) for _ in range(2)]
    free = ~still.ravel()
    shifts = (read[0] - read[1])[free] % carrier.modulus
    assert (shifts == 0).mean() == pytest.approx(1 / carrier.modulus, abs=0.02)
    assert (read[0] == symbols)[free].mean() == pytest.approx(1 / carrier.modulus, abs=0.02)


@pytest.mark.parametrize("setting", range(len(CARRIERS)))
def test_without_the_key_symbols_are_uniform(setting):
    """Though all that is hidden is 0: by chi square, and so are the lowest bits of B."""
    carrier, side = CARRIERS[setting], 128
    cover, still = pixels(side, side), frozen(side, side, 128)
    stego = marker._carried(cover, np.zeros(side * side, np.uint8), carrier)
    sent = seal(cover, stego, still, setting, carrier, key())
    counts = np.bincount(marker._read(sent, carrier)[~still.ravel()], minlength=carrier.modulus)
    expected, freedom = counts.mean(), carrier.modulus - 1
    assert (np.square(counts - expected) / expected).sum() < freedom + 5 * (2 * freedom) ** 0.5 + 5
    assert sent[..., 2][~still].astype(int).__and__(1).mean() == pytest.approx(0.5, abs=0.02)


def test_the_keystream_is_fair_and_specified():
    """Bytes modulo the alphabet, those past its last whole multiple skipped; of any count the same beginning."""
    nonce = bytes(16)
    for modulus in (2, 3, 7, 22, 27):
        fair = 256 - 256 % modulus
        stream = key().stream("symbols", 60_000, nonce)
        expected = [byte % modulus for byte in stream if byte < fair][:50_000]
        assert marker._keystream(key(), nonce, modulus, 50_000).tolist() == expected
        assert marker._keystream(key(), nonce, modulus, 7).tolist() == expected[:7]


def test_a_byte_stream_with_few_fair_bytes_is_read_on(monkeypatch):
    """However unlikely."""

    class Unlucky(Key):
        def __init__(self) -> None:
            pass

        def stream(self, purpose: str, count: int, nonce: bytes = b"") -> bytes:
            return (bytes([255]) * 500 + bytes(range(200)) * 10)[:count]

    assert marker._keystream(Unlucky(), b"", 3, 100).tolist() == [number % 3 for number in range(100)]


def test_too_little_may_change():
    cover, carrier = pixels(32, 32), CARRIERS[0]
    stego = carrying(cover, carrier)[1]
    for count in (1024, 1023 - 8 * MARKER + 2, 700):
        with pytest.raises(IsganError, match="too much of the cover must not change"):
            seal(cover, stego, frozen(32, 32, count), 0, carrier, key())
        with pytest.raises(NothingFound):
            unseal(cover, frozen(32, 32, count), CARRIERS, key())
    still = frozen(32, 32, (1024 - 8 * MARKER) // 2)  # a bit rides for each of them
    symbols, stego = carrying(cover, carrier)
    told, opened = unseal(seal(cover, stego, still, 0, carrier, key()), still, CARRIERS, key())
    assert told == 0 and np.array_equal(marker._read(opened, carrier), symbols)


def test_what_the_format_says_of_carriers():
    """Searched for when they are built, but a part of the format."""
    weights = {carrier.modulus: carrier.weights for carrier in CARRIERS}
    assert weights == {
        2: (1, 1, 1),
        3: (1, 1, 1),
        4: (1, 1, 2),
        6: (1, 2, 3),
        7: (1, 2, 3),
        8: (1, 2, 3),
        11: (1, 2, 3),
        14: (1, 2, 5),
        17: (1, 2, 6),
        22: (1, 3, 8),
        27: (1, 3, 9),
    }


def test_riding_costs_next_to_nothing():
    """In 256 x 256 pixels, 128 of them frozen, about .03 dB beside symbols that are carried alone."""
    for setting in (0, 3, 6):
        cover, still, carrier = pixels(256, 256, 20, 235), frozen(256, 256, 128), CARRIERS[setting]
        alone = carrying(cover, carrier)[1]
        sent = seal(cover, alone, still, setting, carrier, key())
        errors = [np.square(picture.astype(float) - cover)[~still].mean() for picture in (alone, sent)]
        assert 10 * np.log10(errors[1] / errors[0]) < 0.06


def test_a_reader_that_was_written_from_the_specification():
    """docs/format.md, section 7, step by step, without the code of the marker."""
    cover, still, carrier = pixels(40, 36), frozen(40, 36, 64), CARRIERS[6]
    symbols, stego = carrying(cover, carrier)
    sent = seal(cover, stego, still, 6, carrier, key()).reshape(-1, 3).astype(int)
    fixed = [place for place in range(40 * 36) if still.ravel()[place]]
    free = [place for place in range(40 * 36) if not still.ravel()[place]]
    size = min(4, max(1, len(free) // (264 + 5 * len(fixed))))
    order = [free[place] for place in key().order("marker", len(free))]
    riding = [
        sum(sent[place, 2] for place in order[i * size : (i + 1) * size]) % 2 for i in range(264 + 5 * len(fixed))
    ]
    head = bytes(sum(riding[8 * byte + bit] << bit for bit in range(8)) for byte in range(33))
    nonce, tag = head[:16], head[17:]
    setting = head[16] ^ key().stream("setting", 1, nonce)[0]
    assert setting == 6
    m, (a, b, c) = 27, (1, 3, 9)
    carried = [
        0 if place in set(fixed) else int(a * red + b * green + c * blue) % m
        for place, (red, green, blue) in enumerate(sent)
    ]
    code = (
        bytes([setting])
        + (36).to_bytes(4, "little")
        + (40).to_bytes(4, "little")
        + bytes(carried)
        + bytes(riding[264:])
    )
    assert hmac.new(key().subkey("tag", nonce), code, "sha256").digest()[:16] == tag
    numbers = [byte % m for byte in key().stream("symbols", 5000, nonce) if byte < 256 - 256 % m]
    read = [(value - number) % m for value, number in zip(carried, numbers, strict=False)]
    keystream = key().stream("riding", 100, nonce)
    for k, place in enumerate(fixed):
        bits = [
            riding[264 + 5 * k + bit] ^ (keystream[(5 * k + bit) // 8] >> (5 * k + bit) % 8 & 1) for bit in range(5)
        ]
        read[place] = sum(value << bit for bit, value in enumerate(bits))
    assert read == symbols.tolist()

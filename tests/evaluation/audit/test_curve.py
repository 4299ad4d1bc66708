"""The curve of P_E against the rate: what `hide` says of it, and what `--risk` allows."""

import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
from conftest import scene
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import isgan
from isgan import risk
from isgan.errors import IsganError
from isgan.evaluation.audit.curve import better, constants, error_of, write
from isgan.evaluation.audit.subjects import OVERHEAD, ROOT_BITS, Load, Parts, room
from isgan.models.card import to_toml
from isgan.risk import Point, falling, p_e_at, rate_at, root_of, samples_of

CURVE = [Point(20.0, 0.48, 0.02, 300, 100.0), Point(60.0, 0.44, 0.02, 300, 100.0), Point(100.0, 0.34, 0.02, 300, 100.0)]


@given(st.floats(0, 200))
def test_p_e_lies_on_lines_between_the_points(rate):
    assert p_e_at(rate, CURVE) == pytest.approx(np.interp(rate, [0, 20, 60, 100], [0.5, 0.48, 0.44, 0.34]))


@given(st.floats(0.341, 0.499))
def test_the_rate_of_a_p_e_has_that_p_e(error):
    assert p_e_at(rate_at(error, CURVE), CURVE) == pytest.approx(error)


@given(st.floats(1, 1e6))
def test_small_covers_are_compared_by_bits_a_sample_and_large_ones_by_the_root(samples):
    root = root_of(samples, CURVE)  # measured with 100 samples
    assert root == pytest.approx(samples / 10 if samples < 100 else samples**0.5) and root_of(samples, []) == samples**0.5
    assert samples_of(root, CURVE) == pytest.approx(samples) and samples_of(samples**0.5, []) == pytest.approx(samples)


def test_rates_beyond_the_curve():
    assert rate_at(0.2, CURVE) == 100 and rate_at(0.5, CURVE) == 0


@given(st.lists(st.floats(0, 0.6), min_size=1, max_size=9))
def test_a_curve_that_falls_is_the_nearest_one(errors):
    points = [Point(float(place), error, 0.0, 300, 100.0) for place, error in enumerate(errors)]
    found = np.array([point.p_e for point in falling(points)])
    assert (np.diff(found) <= 1e-12).all() and found.max() <= 0.5
    below = [min(error, 0.5) for error in errors]
    if all(np.diff(below) <= 0):
        assert found == pytest.approx(below)
    # The minimax formula of isotonic regression, before it is capped.
    exact = [min(max(np.mean(errors[first : last + 1]) for last in range(place, len(errors))) for first in range(place + 1))
             for place in range(len(errors))]  # fmt: skip
    assert found == pytest.approx(np.minimum(exact, 0.5))


def test_words(monkeypatch):
    monkeypatch.setattr(risk, "measured", lambda *names: CURVE if names == ("png", "hill", "cmdc") else [])
    found = risk.found_at(600, 100, "png", "hill", "cmdc")
    assert found.share == "44 %" and found.words == (
        "a detector made with 300 pairs of isgan's own files errs in 44 % of cases at this rate (50 % is guessing)")
    assert risk.found_at(1200, 400, "png", "hill", "cmdc").share == "44 %"  # twice the bits in four times the samples
    assert risk.found_at(150, 25, "png", "hill", "cmdc").share == "44 %"  # a fourth of the bits in a fourth of the samples
    assert risk.found_at(2000, 100, "png", "hill", "cmdc").share == "at most 34 %"
    assert risk.found_at(600, 100, "png", "flat", "cmdc") is None and risk.found_at(600, 0, "png", "hill", "cmdc") is None


def test_the_shipped_curve():
    curve = risk.measured("png", "hill", "cmdc")
    assert len(curve) >= 4 and all(0 < point.p_e <= 0.5 and point.pairs >= 100 for point in curve)
    assert [point.p_e for point in curve] == sorted((point.p_e for point in curve), reverse=True)


def rows(kind: str, name: str, side: int = 256, shift: float = 0.0, pairs: int = 300) -> list[dict[str, object]]:
    common = {"kind": kind, "side": side, "name": name, "p_e_interval": 0.02, "auc": 0.5, "strongest": "crm"}
    common |= {"leaked": pairs, "weight": 196608.0}
    return [common | {"setting": f"{point.root_bits:g} {ROOT_BITS}", "root_bits": point.root_bits, "p_e": point.p_e + shift}
            for point in CURVE]  # fmt: skip


def test_constants_are_written_where_the_curve_passes_them(tmp_path):
    (tmp_path / "models").mkdir()
    card = tmp_path / "models" / "adaptive.toml"
    shutil.copy(Path(isgan.__file__).parent / "models" / "adaptive.toml", card)
    before = tomllib.loads(card.read_text())
    table = rows("png", "hill, cmdc") + rows("png", "flat, independent", shift=-0.3) + rows("png", "hill, cmdc", side=128, shift=-0.1)[:1]
    changed = write(table, tmp_path)
    assert changed == {"png": {"low": 30.0, "medium": 84.0}}  # .47 lies a quarter of the way from 20 to 60, .38 six tenths from 60 to 100
    after = tomllib.loads(card.read_text())
    assert after["covers"]["png"] == before["covers"]["png"] | changed["png"]
    assert after["covers"]["jpeg"] == before["covers"]["jpeg"]
    lines = (tmp_path / "risk.csv").read_text().splitlines()
    write(rows("jpeg", "juniward, independent"), tmp_path)  # of a run of its own
    assert {line.split(",")[0] for line in (tmp_path / "risk.csv").read_text().splitlines()[1:]} == {"png", "jpeg"}
    measured = ("20.00", "0.4800"), ("60.00", "0.4400"), ("100.00", "0.3400")
    assert lines == ["kind,cost,strategy,root_bits,p_e,interval,detector,pairs,weight",
                     *(f"png,hill,cmdc,{root},{error},0.0200,crm,300,196608" for root, error in measured)]  # fmt: skip


def test_a_curve_takes_the_judges_of_the_one_before(tmp_path):
    """Detectors that see less would make `--risk` allow more."""
    (tmp_path / "models").mkdir()
    card = tmp_path / "models" / "adaptive.toml"
    shutil.copy(Path(isgan.__file__).parent / "models" / "adaptive.toml", card)
    by_both = [row | {"interval_crm": 0.02, "interval_xunet": 0.02, "strongest": "xunet"} for row in rows("png", "hill, cmdc", shift=-0.05)]
    write(by_both, tmp_path)
    before = card.read_bytes(), (tmp_path / "risk.csv").read_bytes()
    with pytest.raises(IsganError, match="judged by xunet too: add them to --detectors"):
        write(rows("png", "hill, cmdc"), tmp_path)
    assert (card.read_bytes(), (tmp_path / "risk.csv").read_bytes()) == before
    assert write([row | {"strongest": "crm"} for row in by_both], tmp_path)  # both looked, whoever was the stronger
    assert write(rows("jpeg", "juniward, independent"), tmp_path)


def compared(name: str, error: float, **others: object) -> dict[str, object]:
    return {"kind": "png", "side": 256, "name": name, "setting": "33.5 dB", "p_e": error, "p_e_interval": 0.02, "auc": 0.5, "leaked": 300,
            "short": 1} | others  # fmt: skip


def test_a_cost_that_is_found_less_becomes_the_default(tmp_path):
    (tmp_path / "models").mkdir()
    card = tmp_path / "models" / "adaptive.toml"
    shutil.copy(Path(isgan.__file__).parent / "models" / "adaptive.toml", card)
    before = tomllib.loads(card.read_text())
    assert to_toml(before) == card.read_text()
    table = [*rows("png", "hill, cmdc"), compared("hill, cmdc", 0.40), compared("suniward, cmdc", 0.43), compared("mipod, cmdc", 0.5),
             compared("flat, independent", 0.5, leaked=100), compared("hill, gray", 0.5, short=20)]  # fmt: skip
    assert better(table, "png", Parts("hill", "cmdc")) is None  # within the intervals, of no candidate, of few pairs, of parts of secrets
    present = compared("hill, cmdc", 0.30, interval_crm=0.02, interval_xunet=0.02)
    other = compared("suniward, cmdc", 0.43, interval_crm=0.02)
    assert better([present, other | {"interval_xunet": ""}], "png", Parts("hill", "cmdc")) is None  # one judge of two
    assert better([present, other | {"interval_xunet": 0.02}], "png", Parts("hill", "cmdc")) == Parts("suniward", "cmdc")
    table += [compared("mipod, cmdc, model-based 0.4", 0.45)]
    assert write(table, tmp_path) == {"png": {"cost": "mipod", "strategy": "cmdc", "model_based": 0.4}}
    after = tomllib.loads(card.read_text())
    assert after["covers"]["png"] == before["covers"]["png"] | {"cost": "mipod", "model_based": 0.4}
    assert (tmp_path / "risk.csv").read_text().count("\n") == 1


@given(st.floats(0.0, 3.0))
def test_the_error_of_two_bell_curves(distance):
    area = stats.norm.cdf(distance / 2**0.5)  # of scores that far apart, in their standard deviations
    assert error_of({"p_e": 0.5, "auc": area}) == pytest.approx(stats.norm.cdf(-distance / 2), abs=1e-6)
    assert error_of({"p_e": 0.01, "auc": 0.5}) == 0.01 and error_of({"p_e": 0.6, "auc": 0.4}) == 0.5


def test_few_pairs_lower_what_a_risk_allows_and_never_raise_it():
    before = {"low": 25.0, "medium": 118.0}
    assert constants(rows("png", "hill, cmdc"), before) == {"low": 30.0, "medium": 84.0}
    assert constants(rows("png", "hill, cmdc", pairs=299), before) == {"low": 25.0, "medium": 84.0}


def test_a_table_that_is_not_done_writes_nothing(tmp_path):
    (tmp_path / "models").mkdir()
    card = tmp_path / "models" / "adaptive.toml"
    shutil.copy(Path(isgan.__file__).parent / "models" / "adaptive.toml", card)
    before = card.read_bytes()
    with pytest.raises(IsganError, match="run it to its end first"):
        write(rows("png", "flat, independent"), tmp_path)
    with pytest.raises(IsganError, match=r"2 measured rates.*run the table to its end first"):
        write(rows("png", "hill, cmdc")[:2], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["models"] and card.read_bytes() == before


def test_the_bytes_of_a_load():
    assert room(Load(28.0, ROOT_BITS), 196608) == int(28 * 196608**0.5) // 8 - OVERHEAD and room(Load(0.01, ROOT_BITS), 64) == 1


def test_hide_and_capacity_say_the_risk(monkeypatch):
    monkeypatch.setattr(risk, "measured", lambda *names: CURVE if names == ("png", "hill", "cmdc") else [])
    cover, secret = scene(96, 128), scene(24, 24, 1)
    made = isgan.hide(cover, secret, pass_phrase="four words are enough")
    bits = made.facts["rate"] * 96 * 128 * 3
    assert made.facts["risk"] == risk.found_at(bits, 96 * 128 * 3, "png", "hill", "cmdc").words
    assert isgan.capacity(cover)["high"]["a detector errs in"] == "at most 34 %"
    assert "a detector errs in" not in isgan.capacity(cover, model="webp")["low"]

"""What the tool tells of files without the pass phrase: of the default nothing, of a model without a key everything."""

import numpy as np
import pytest

from isgan.evaluation.audit import oracle
from isgan.evaluation.audit.bench import Bench, Plan
from isgan.evaluation.audit.oracle import ASKED, asked, statistics
from isgan.evaluation.audit.subjects import hides_in, sibling
from isgan.evaluation.results import Results
from isgan.evaluation.stegos import hiding
from isgan.metrics.security import auc
from isgan.options import Options


@pytest.fixture
def bench(material, tmp_path):
    def build(options: Options, pairs: int) -> Bench:
        few = material.taken(range(pairs))
        return Bench(Results(tmp_path / "r"), few, {"mine": hiding(options)}, Plan(splits=4))

    return build


def test_the_default_says_the_same_of_covers_and_stego_images(bench):
    options = Options(gray=True, risk="high")
    built = bench(options, 6)
    told = {row["statistic"]: row for row in asked(built, options, "mine")}
    for phrase in ("another pass phrase", "no pass phrase"):
        for what in ("something opens", "answers differ"):
            assert told[f"{what}, {phrase}"]["auc"] == 0.5
    rows = built.results.rows(ASKED)
    seconds = [[float(row[f"wrong_{kind}_seconds"]) for row in rows] for kind in ("cover", "stego")]
    assert told["seconds to answer, another pass phrase"]["auc"] == auc(*map(np.array, seconds)) and min(map(min, seconds)) > 0
    assert asked(built, options, "mine") == list(told.values())  # nothing is asked twice: seconds would differ
    assert told["something opens, no pass phrase"]["auc_interval"] == pytest.approx(1.96 * np.sqrt(13 / 432))


def test_a_model_without_a_key_gives_itself_away(bench):
    (row,) = asked(bench(Options(model="lsb332"), 20), Options(model="lsb332"), "mine")
    assert row["auc"] == 1 and row["p_e"] == 0 and row["statistic"] == "what it reveals is a picture"


def test_statistics_of_what_is_revealed():
    slope = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    across, down, spread, size, own = statistics(slope, np.stack([slope] * 3, -1))
    assert across == pytest.approx(1) and down == pytest.approx(1) and own == pytest.approx(1) and size < 0.1
    assert spread == pytest.approx(slope.std())
    noise = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    assert statistics(noise, slope)[3] > 0.9 and abs(statistics(noise, slope)[0]) < 0.1 and statistics(np.zeros_like(noise), noise)[0] == 0


def test_siblings_are_the_same_design_with_other_weights_or_another_cost():
    assert sibling(Options(model="isgan"), "png")[0] == "basic" and sibling(Options(model="wavelet"), "png") is None
    name, method = sibling(Options(), "png")
    assert name == "adaptive with suniward" and method.fingerprint != hiding(Options()).fingerprint
    assert hides_in("adaptive", "jpeg") and not hides_in("qim", "jpeg") and not hides_in("webp", "jpeg") and hides_in("qim", "scaled")


def test_answers_that_differ_are_told(monkeypatch):
    class File(str):
        def salt(self) -> bytes:
            return bytes(32)

    monkeypatch.setattr(oracle, "_reveal", lambda _scheme, file, _key: (file == "stego", file, 1.0))
    row = oracle._asked(None, File("cover"), File("stego"), 0)
    assert row["wrong_same_answer"] == row["none_same_answer"] == 0 and (row["wrong_stego_opened"], row["wrong_cover_opened"]) == (1, 0)
    rows = [{name: str(value) for name, value in (row | {"none_same_answer": 1}).items()}] * 4
    told = {one["statistic"]: one["auc"] for one in oracle._told(rows)}
    assert told["answers differ, another pass phrase"] == 1 and told["answers differ, no pass phrase"] == 0.5
    assert told["something opens, another pass phrase"] == 1

"""Detectors of methods: who learns on what, who is tested on what, and what is made of the scores, to the last column."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import scene
from evaluation.spy import Spies, Spy
from PIL import Image
from scipy import stats

from isgan.covers.png import PngCover
from isgan.datasets.base import Source, open_sets
from isgan.datasets.photographs import Photo
from isgan.errors import IsganError
from isgan.evaluation import security
from isgan.evaluation.results import Results, plain
from isgan.evaluation.security import Case, Plan, Trial, divide
from isgan.evaluation.stegos import CONTROLS, Method, digest
from isgan.metrics.security import accuracy, auc, p_e, share_interval

PLAN = Plan(steganalyzer="xunet", minutes=1.5, steps=7, splits=3, limit=24, side=64)
TESTS = [*(Case("control", name, name) for name in CONTROLS), Case("retrained", "mine", "mine"), Case("clean", "mine", "lsb-matching"),
         Case("printed", "mine", "mine", seen=True)]  # fmt: skip


def brighter(cover: Photo, _secret: Photo, _number: int) -> PngCover:
    return PngCover(cover.pixels + np.uint8(1))


METHODS = {"mine": Method("m2", brighter), **CONTROLS}


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Source:
    root = tmp_path_factory.mktemp("data") / "lfw"
    for split, seeds in (("train", range(110)), ("test", range(200, 204))):
        (root / split).mkdir(parents=True)
        for seed in seeds:
            Image.fromarray(scene(64, 64, seed)).save(root / split / f"{seed:03}.png")
    return open_sets([root])["lfw"]


@pytest.fixture(scope="module")
def photographs(source) -> tuple[list, list]:
    unseen = security.unseen_photographs(source, PLAN)
    used = [path for path in source.images("train") if path not in unseen]
    return security.pairs(source, unseen, "unseen", PLAN), security.pairs(source, used, "used", PLAN)


@pytest.fixture
def spied(monkeypatch) -> list[Spy]:
    monkeypatch.setattr(security, "detectors", Spies())
    monkeypatch.setattr(Spy, "trained", [])
    return Spy.trained


@pytest.fixture
def trial(photographs, spied, tmp_path):
    def build(folder: Path | None = None, plan: Plan = PLAN) -> Trial:
        return Trial(Results(folder or tmp_path / "r"), "lfw", plan, METHODS, *photographs)

    return build


def test_every_column_of_every_run(trial, photographs):
    run = trial()
    rows = list(run.runs(TESTS))
    expected, detectors = [], {}
    stego = {name: [method.hide(*pair, place) for place, pair in enumerate(photographs[0])] for name, method in METHODS.items()}
    for split in range(3):
        places = divide(24, split)[2]
        for test in TESTS:
            detector = detectors.setdefault((test.trained_on, test.seen, split), Spy.trained[len(detectors) % len(Spy.trained)])
            covers = detector.scores([PngCover(photographs[0][place][0].pixels) for place in places])
            stegos = detector.scores([stego[test.tested_on][place] for place in places])
            expected.append({
                "test": test.kind, "set": "lfw", "steganalyzer": "xunet", "minutes": 1.5, "side": 64,
                "photographs": digest(photographs[1], photographs[0]), "trained_on": test.trained_on,
                "trained_print": METHODS[test.trained_on].fingerprint, "tested_on": test.tested_on,
                "print": METHODS[test.tested_on].fingerprint, "split": split, "accuracy": accuracy(covers, stegos),
                "p_e": p_e(covers, stegos, 0.75 + split / 4), "auc": auc(covers, stegos), "threshold": 0.75 + split / 4,
                "train_pairs": 14, "val_pairs": 4, "test_pairs": 6, "steps": 5, "seconds": 1.25,
            })  # fmt: skip
    assert rows == expected and len({(row["accuracy"], row["auc"]) for row in rows}) > 5  # not all the same by chance
    assert run.results.rows(security.RUNS) == [{key: str(plain(value)) for key, value in row.items()} for row in rows]


def test_who_learns_on_what(trial, photographs, spied):
    """Without a word of `divide`: from the images themselves."""
    list(trial().runs(TESTS))
    unseen, seen = ({cover.pixels.tobytes() for cover, _ in pairs} for pairs in photographs)
    assert not unseen & seen and len(spied) == 3 * 4  # two controls and the model; the model on seen photographs too
    for detector in spied:
        train, val = (set(pairs[0]) for pairs in (detector.train, detector.val))
        assert not train & val and (len(train), len(val)) == (14, 4)
        tested = detector.tested & (unseen | seen)
        if train <= seen:
            assert val <= seen and tested <= unseen
        else:
            assert train | val | tested == unseen and not tested & (train | val)
    assert sum(set(detector.train[0]) <= seen for detector in spied) == 3


def test_covers_and_stego_images_are_files(trial, photographs):
    run = trial()
    list(run.runs(TESTS))
    for name, method in METHODS.items():
        folder = "cover-cover" if name == "cover" else f"{name}-{method.fingerprint}"
        (folder,) = run.results.folder.glob(f"images/lfw-*/unseen/{folder}")
        saved = [Image.open(path) for path in sorted(folder.iterdir())]
        wanted = [method.hide(*pair, place).pixels() for place, pair in enumerate(photographs[0])]
        assert all(np.array_equal(*both) for both in zip(saved, wanted, strict=True))


def test_the_summary_is_of_all_splits(trial):
    run = trial()
    runs = [{key: str(plain(value)) for key, value in row.items()} for row in run.runs(TESTS)]
    rows = run.summary(TESTS)
    assert [(row["test"], row["trained_on"], row["tested_on"]) for row in rows] == [test[:3] for test in TESTS]
    for row in rows:
        own = [one for one in runs if (one["test"], one["tested_on"]) == (row["test"], row["tested_on"])]
        assert len(own) == row["splits"] == 3 and row["status"] == "measured"
        for measure in security.MEASURES:
            values = [float(one[measure]) for one in own]
            half = stats.t.ppf(0.975, 2) * stats.sem(values)
            assert row[measure] == pytest.approx(np.mean(values), abs=2e-5) and row[f"{measure}_interval"] >= half - 2e-5
            assert measure != "auc" or row["auc_interval"] == pytest.approx(half, abs=2e-5)


def run_row(settings: dict, value: float, split: int, **changed: object) -> dict:
    scores = {"accuracy": value, "p_e": 1 - value, "auc": value**2, "threshold": 0.1}
    sizes = {"train_pairs": 3000, "val_pairs": 700, "test_pairs": 4000, "steps": 9, "seconds": 1.0}
    names = {"trained_on": "mine", "trained_print": "m2", "tested_on": "lsb-matching", "print": "lsb-matching"}
    return {"test": "clean", **settings, **names, "split": split} | scores | sizes | changed


def test_other_rows_are_not_averaged_in(trial):
    """Rows of other weights, of either model, of other tests and settings, and of splits that are not asked for."""
    run = trial()
    right = [run_row(run.settings, value, split) for split, value in enumerate((0.9, 0.5, 0.75))]
    other = [{"print": "m1"}, {"trained_print": "old"}, {"split": 3}, {"test": "printed"}, {"tested_on": "mine", "print": "m2"}]
    other += [{key: "else"} for key in ("set", "steganalyzer", "photographs")] + [{"minutes": 6.0}, {"side": 128}]
    wrong = [run_row(run.settings, 0.1, 0) | change for change in other]
    wrong += [row | {"split": 4 if row["split"] == 3 else 1} for row in wrong]  # two of each: enough for a row of its own
    run.results.write(security.RUNS, [*wrong[:4], *right, *wrong[4:]])
    (row,) = (row for row in run.summary(TESTS) if row["test"] == "clean")
    assert row["splits"] == 3 and row["train_pairs"] == "3000" and row["test_pairs"] == "4000"
    for measure, values in {"accuracy": (0.9, 0.5, 0.75), "p_e": (0.1, 0.5, 0.25), "auc": (0.81, 0.25, 0.5625)}.items():
        assert row[measure] == pytest.approx(np.mean(values), abs=1e-5)
        assert row[f"{measure}_interval"] == pytest.approx(stats.t.ppf(0.975, 2) * stats.sem(values), abs=1e-4)


def test_splits_that_agree_are_not_certain(trial):
    run = trial()
    run.results.write(security.RUNS, [run_row(run.settings, 1.0, split, test_pairs=10) for split in range(3)])
    (row,) = run.summary(TESTS)
    assert (row["accuracy"], row["p_e"]) == (1, 0) and row["accuracy_interval"] > 0.05
    assert row["p_e_interval"] == pytest.approx(share_interval(0.0, 2 * 10))  # covers and stego images of ten pairs


def test_it_goes_on_where_it_was(trial, spied, tmp_path):
    """More splits are added; detectors are kept, so that what is measured later meets the very same ones."""
    first = list(trial().runs(TESTS))
    count, rows = len(spied), Results(tmp_path / "r").rows(security.RUNS)
    assert not list(trial().runs(TESTS)) and len(spied) == count
    more = list(trial(plan=replace(PLAN, splits=4)).runs(TESTS))
    assert {row["split"] for row in more} == {3} and {detector.seed for detector in spied[count:]} == {3}
    Results(tmp_path / "r").write(security.RUNS, [row for row in rows if row["tested_on"] != "mine"])
    count = len(spied)
    again = list(trial().runs(TESTS))
    assert again == [row for row in first if row["tested_on"] == "mine"] and len(spied) == count


@pytest.mark.parametrize("change", [{"steps": 8}, {"minutes": 2.0}, {"steganalyzer": "isgan"}])
def test_detectors_of_another_training_are_not_taken(trial, spied, tmp_path, change):
    list(trial().runs(TESTS[:3]))
    shutil.copytree(tmp_path / "r", tmp_path / "other")
    (tmp_path / "other" / "table6-runs.csv").unlink()
    known = {detector.salt for detector in spied}
    list(trial(tmp_path / "other", replace(PLAN, **change)).runs(TESTS[:3]))
    assert len(spied) == 2 * len(known) and not {detector.salt for detector in spied[len(known) :]} & known


# ---------------------------------------------------------------------- photographs and methods


def test_photographs_are_all_different(source, photographs):
    names = [photo.name for pairs in photographs for pair in pairs for photo in pair]
    assert len(names) == len(set(names)) == 4 * 24
    assert any(photo.name.startswith("test/") for pair in photographs[0] for photo in pair)
    # Fewer pairs are the first of these, so that stego images on disk stay right.
    few = security.pairs(source, security.unseen_photographs(source, PLAN), "unseen", replace(PLAN, limit=20))
    assert [(a.name, b.name) for a, b in few] == [(a.name, b.name) for a, b in photographs[0][:20]]
    assert [cover.name for cover, _ in few] != sorted(cover.name for cover, _ in few)


def test_too_few_photographs(source):
    with pytest.raises(IsganError, match="lfw has 10 unseen photographs, the test needs 40"):
        security.pairs(source, source.images("train")[:10], "unseen", PLAN)


@pytest.mark.parametrize("split", range(3))
def test_no_pair_is_in_two_divisions(split):
    parts = divide(101, split)
    assert sorted(np.concatenate(parts)) == list(range(101))
    assert [len(part) for part in parts] == [60, 15, 26]
    assert not np.array_equal(parts[0], divide(101, split + 1)[0])

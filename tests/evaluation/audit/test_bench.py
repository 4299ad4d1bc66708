"""Pairs are never divided, each is tested once, rows are what the scores say, and nothing is measured twice."""

import time

import numpy as np
import pytest
from evaluation.audit.conftest import BRIGHTER
from hypothesis import given
from hypothesis import strategies as st

from isgan.covers.png import PngCover
from isgan.detectors import detectors
from isgan.evaluation.audit import bench as module
from isgan.evaluation.audit.bench import RUNS, Attack, Bench, Plan, divide
from isgan.evaluation.audit.photographs import Material
from isgan.evaluation.results import Results
from isgan.evaluation.stegos import CONTROLS, Method
from isgan.metrics.security import accuracy, auc, best_threshold, missed, p_e, weighted_auc

OWN = Attack("S3", "mine", "mine")
PLAN = Plan(splits=3)


@given(st.integers(20, 90), st.integers(2, 8), st.integers(0, 60))
def test_each_pair_is_tested_once_and_no_pair_is_in_two_parts(count, splits, leaked):
    divisions = [divide(["a"] * count, OWN._replace(leaked=leaked), split, splits) for split in range(splits)]
    assert sorted(np.concatenate([division.test for division in divisions])) == list(range(count))
    for division in divisions:
        assert len(np.unique(np.concatenate(division))) == sum(map(len, division))
        had = len(division.learn) + len(division.check)
        assert had == min(leaked or count, count - len(division.test))
        if had >= 10:
            assert len(division.check) >= 2 and abs(len(division.learn) - 0.8 * had) <= 2


@given(st.lists(st.sampled_from("abc"), min_size=20, max_size=60), st.integers(0, 4))
def test_a_source_that_is_tested_is_not_learned_from(sources, split):
    division = divide(sources, OWN._replace(source="b"), split, 5)
    assert {sources[place] for place in division.test} <= {"b"} and len(division.test) == sources.count("b")
    assert "b" not in {sources[place] for part in division[:2] for place in part}


def test_a_teacher_has_the_first_pairs_alone():
    division = divide(["a"] * 100, OWN._replace(leaked=15, within=30), 1, 5)
    assert max(map(max, division)) < 30 and len(division.learn) + len(division.check) == 15
    tested = [divide(["a"] * 100, OWN._replace(within=30), split, 5).test for split in range(5)]
    assert sorted(np.concatenate(tested)) == list(range(30))


@pytest.fixture
def bench(material, brightness, tmp_path):
    def build(plan: Plan = PLAN, print: str = "print") -> Bench:
        return Bench(Results(tmp_path / "r"), material, {"mine": BRIGHTER._replace(fingerprint=print), **CONTROLS}, plan)

    return build


def test_rows_are_what_the_scores_say(bench, material):
    rows = list(bench().runs([OWN], ["brightness"]))
    covers = np.array([cover.pixels.mean() for cover, _ in material.pairs])
    stegos = covers + np.arange(30) % 2
    for split, row in enumerate(rows):
        learn, check, test = divide(material.sources, OWN, split, 3)
        threshold = best_threshold(covers[check], stegos[check])
        assert row["threshold"] == pytest.approx(threshold) and row["p_e"] == p_e(covers[test], stegos[test], threshold)
        assert row["auc"] == auc(covers[test], stegos[test]) and row["val_p_e"] == p_e(covers[check], stegos[check], threshold)
        assert [row[f"{part}_pairs"] for part in ("train", "val", "test")] == [len(learn), len(check), len(test)] == [16, 4, 10]


def test_no_detector_is_tested_on_what_it_learned_from(bench, brightness):
    list(bench().runs([OWN], ["brightness"]))
    tested = [seen for seen in brightness.seen if seen[2] != seen[1]]
    assert len(tested) >= 6 and all(not seen[0] & seen[2] for seen in tested) and not any(seen[0] & seen[1] for seen in tested)


def test_what_is_known_is_not_measured_again_and_other_versions_stand_apart(bench):
    first = bench()
    runs = first.runs([OWN], ["brightness"])
    next(runs)
    runs.close()  # interrupted
    assert len(first.results.rows(RUNS)) == 1
    assert [row["split"] for row in bench().runs([OWN], ["brightness"])] == [1, 2]
    assert not bench().missing([OWN], ["brightness"])
    assert len(bench(print="other").missing([OWN], ["brightness"])) == 3


def test_nothing_is_begun_after_the_deadline(bench):
    assert not list(bench(Plan(splits=3, deadline=time.monotonic() - 1)).runs([OWN], ["brightness"]))


def test_lessons_of_more_pairs_than_there_are_are_left_out(bench):
    wanted = [OWN._replace(leaked=leaked) for leaked in (10, 20, 21)]
    assert {test.leaked for test, *_ in bench().missing(wanted, ["brightness"])} == {10, 20}


def test_networks_are_kept_and_rows_say_how_long_and_on_what_they_learned(bench, monkeypatch):
    first = bench(Plan(splits=3, budget=0.0, steps=1))._row(OWN, "xunet", 0)
    assert first["steps"] == 1 and first["device"]
    monkeypatch.setattr(detectors["xunet"], "learn", None)  # nothing is learned anew
    again = bench(Plan(splits=3, budget=0.0, steps=1))._row(OWN, "xunet", 0)
    assert again["threshold"] == first["threshold"] and again["auc"] == pytest.approx(first["auc"], abs=0.05)
    for plan, print, split in ((Plan(splits=3, budget=0.0, steps=2), "print", 0), (Plan(splits=3, budget=0.0, steps=1), "other", 0),
                               (Plan(splits=3, budget=0.0, steps=1), "print", 1)):  # fmt: skip
        with pytest.raises(TypeError):
            bench(plan, print)._row(OWN, "xunet", split)


def test_networks_learn_lsb_matching_first_but_not_for_the_papers_test(bench, monkeypatch):
    lessons, kind = [], detectors["xunet"]
    learn = kind.learn

    def spied(self, train, val, budget, progress):
        changes = [np.abs(one.pixels().astype(int) - other.pixels()).max() for one, other in zip(*train, strict=True)]
        before = {name: value.clone() for name, value in self.network.state_dict().items()}
        learn(self, train, val, budget, progress)
        lessons.append((changes, before, self.network.state_dict()))
        self.training_seconds = 1000.0 * len(lessons)

    monkeypatch.setattr(kind, "learn", spied)
    made = bench(Plan(splits=3, budget=0.0, steps=1))
    assert 2000 < made._row(OWN, "xunet", 0)["seconds"] < 3000  # without the lesson, which others share
    (first, _, taught), (second, start, _) = lessons
    assert first == [1] * 16 and second != first
    assert all((start[name] == value).all() for name, value in taught.items())
    made._row(OWN, "xunet", 1)
    made._row(OWN._replace(level="S1"), "xunet", 0)
    assert len(lessons) == 5
    assert not all((lessons[4][1][name] == value).all() for name, value in taught.items())
    made._row(Attack("positive control", "lsb-matching", "lsb-matching"), "xunet", 0)
    assert len(lessons) == 5  # it is the one that all others begin with


def test_a_detector_of_one_model_is_tested_on_another(material, brightness, tmp_path, monkeypatch):
    """All measures of it, too."""
    methods = {"mine": BRIGHTER, "theirs": Method("t", lambda photo, *_: PngCover(photo.pixels + np.uint8(5)))}
    fitted = []
    monkeypatch.setattr(brightness, "learn", lambda self, train, *_: fitted.append(train) or setattr(self, "known", (set(), set())))
    row = Bench(Results(tmp_path / "r"), material, methods, PLAN)._row(Attack("S1", "mine", "theirs"), "brightness", 0)
    ((learned, changed),) = fitted
    assert changed[0].pixels().mean() == learned[0].pixels().mean() + 5
    test = divide(material.sources, OWN, 0, 3).test
    covers = np.array([cover.pixels.mean() for cover, _ in material.pairs])[test]
    stegos = covers + test % 2
    assert (row["auc"], row["wauc"], row["md5"]) == (auc(covers, stegos), weighted_auc(covers, stegos), missed(covers, stegos))
    assert row["accuracy"] == accuracy(covers, stegos, row["threshold"])


def test_rows_of_another_protocol_are_measured_again(bench, monkeypatch):
    list(bench().runs([OWN], ["brightness"]))
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    assert len(bench().missing([OWN], ["brightness"])) == 3


def test_a_kept_network_saw_no_tested_source_and_no_other_photographs(material, tmp_path, monkeypatch):
    lessons = []
    monkeypatch.setattr(Bench, "_fit", lambda _, detector, test, *__: lessons.append(test) or setattr(detector, "threshold", 0.0))

    def learn(photographs: Material, test: Attack) -> None:
        Bench(Results(tmp_path / "r"), photographs, {"mine": BRIGHTER}, Plan(3, 0.0, 1))._network(detectors["xunet"], test, "xunet", 0)

    learn(material, OWN._replace(source="a"))
    assert [test.source for test in lessons] == ["a", "a"]  # LSB matching, and its own files
    learn(material, OWN)
    assert len(lessons) == 4
    learn(material.taken(range(29)), OWN)
    assert len(lessons) == 6

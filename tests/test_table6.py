"""Table 6 and its detectors: who learns on what, who is tested on what, and what is made of the scores, to the last column."""

import csv
import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from conftest import scene, stirred
from PIL import Image
from scipy import stats
from torch import nn

from isgan import models as weights
from isgan.__main__ import main
from isgan.datasets.base import open_sets
from isgan.datasets.pairs import gray
from isgan.errors import IsganError
from isgan.evaluation import table6
from isgan.detectors.network import Detector, Pairs, load_detector, train_detector
from isgan.evaluation.results import Results, plain
from isgan.hiders.wavelet import Wavelet
from isgan.image import read_rgb, to_array, to_tensor
from isgan.metrics.security import accuracy, auc, p_e, share_interval
from isgan.detectors.networks import networks
from isgan.detectors.networks.base import Steganalyzer
from isgan.steganographer import Steganographer

PLAN = table6.Plan(steganalyzer="hashing", minutes=1.5, steps=7, splits=3, limit=24, side=64)
CONTROLS = ("lsb-matching", "cover")

# ---------------------------------------------------------------------- detectors with scores that can be foretold


def pixels(images: torch.Tensor) -> list[bytes]:
    return [image.numpy().tobytes() for image in images]


def number(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:6], "big")


def score(salt: int, image: bytes) -> float:
    return (number(salt, image) % 65536 - 32768) / 8192


def salt_of(name: str, train: Pairs, val: Pairs, seed: int, minutes: float, steps: int) -> int:
    return number(name, [pixels(part) for pairs in (train, val) for part in (pairs.covers, pairs.stegos)], seed, minutes, steps)


class Hashing(Steganalyzer):
    """Scores an image by a hash of its pixels and of all that the detector was trained with."""

    def __init__(self, salt: int = 0):
        super().__init__(salt=salt)
        self.register_buffer("salt", torch.tensor(salt))

    def answer(self, image: torch.Tensor) -> torch.Tensor:
        salt, found = int(self.salt), pixels((image * 255).round().to(torch.uint8))
        TESTED.extend((salt, each) for each in found)
        return torch.tensor([[0, score(salt, each)] for each in found])


TESTED: list[tuple[int, bytes]] = []


class Training(NamedTuple):
    """What a detector was trained with."""

    salt: int
    seed: int
    train: Pairs
    val: Pairs


class Run(NamedTuple):
    folder: Path
    table: list[dict]
    trainings: list[Training]
    tested: list[tuple[int, bytes]]

    @property
    def runs(self) -> list[dict[str, str]]:
        return read(self.folder / "table6-runs.csv")

    @property
    def summary(self) -> list[dict[str, str]]:
        return read(self.folder / "table6.csv")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def made(folder: Path, data: Path, models: dict[str, str], plan: table6.Plan = PLAN) -> Run:
    """Table 6 with detectors that only take note."""
    trainings: list[Training] = []

    def train(name: str, train: Pairs, val: Pairs, *, minutes: float, steps: int, seed: int, **_: object) -> Detector:
        salt = salt_of(name, train, val, seed, minutes, steps)
        trainings.append(Training(salt, seed, train, val))
        return Detector(Hashing(salt).eval(), 0.75 + seed / 4, 5, 1.25)

    networks.names()
    TESTED.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(networks._parts, "hashing", Hashing)
        patch.setattr(table6, "train_detector", train)
        table = table6.run(Results(folder), open_sets([data]), plan, models)
    return Run(folder, table, trainings, list(TESTED))


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data") / "lfw"
    for split, seeds in (("train", range(110)), ("test", range(200, 204))):
        (root / split).mkdir(parents=True)
        for seed in seeds:
            Image.fromarray(scene(64, 64, seed)).save(root / split / f"{seed:03}.png")
    return root


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, str]:
    """`basic`, trained on half of the set; `glutton`, on all of it; a method without weights."""
    found = {"lsb332": "lsb332"}
    for name, hidden, share in (("basic", 8, 0.5), ("glutton", 12, 1.0)):
        path = tmp_path_factory.mktemp("models") / f"{name}.safetensors"
        hider = stirred(Wavelet(blocks=1, hidden=hidden, apart=True))
        weights.save(hider, path, {"photographs": {"lfw": 110}, "recipe": {"photos": {"share": share}}})
        found[name] = str(path)
    return found


@pytest.fixture(scope="module")
def whole(data, models, tmp_path_factory) -> Run:
    return made(tmp_path_factory.mktemp("whole") / "r", data, models)


@pytest.fixture
def copied(whole, tmp_path) -> Path:
    return shutil.copytree(whole.folder, tmp_path / "r")


@pytest.fixture(scope="module")
def expected(data, models) -> dict[tuple[str, bool], Pairs]:
    """Covers and stego images by method, and by whether the photographs are unseen: straight from the photographs."""
    hiders = {name: Steganographer(weights.hider(model)) for name, model in models.items()}

    def stego(name: str, place: int, cover: np.ndarray, secret: np.ndarray) -> np.ndarray:
        if name in CONTROLS:
            return secret if name == "cover" else table6.lsb_matching(cover, secret, place)
        return hiders[name].hide(cover, to_array(gray(to_tensor(secret))))

    def stacked(images: list[np.ndarray]) -> torch.Tensor:
        return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()

    found = {}
    for unseen, pairs in zip((False, True), table6.photographs(open_sets([data])["lfw"], PLAN), strict=True):
        for name in (*CONTROLS, *models) if unseen else ["basic"]:
            stegos = [stego(name, place, cover.pixels, secret.pixels) for place, (cover, secret) in enumerate(pairs)]
            found[name, unseen] = Pairs(stacked([cover.pixels for cover, _ in pairs]), stacked(stegos))
    return found


# ---------------------------------------------------------------------- what is measured


def test_every_column_of_every_run(whole, expected, data, models):
    photographs = table6.digest(*table6.photographs(open_sets([data])["lfw"], PLAN))
    prints = {name: weights.fingerprint(model) for name, model in models.items()} | {name: name for name in CONTROLS}
    games = [("control", name, name) for name in CONTROLS] + [("retrained", name, name) for name in models]
    games += [(test, "basic", name) for test in ("clean", "printed") for name in models]
    rows = []
    for split in range(3):
        for test, trained_on, tested_on in games:
            train, val, places = table6.divide(24, split)
            learned = expected[trained_on, test != "printed"]
            salt = salt_of("hashing", learned.take(train), learned.take(val), split, 1.5, 7)
            pairs = expected[tested_on, True].take(places)
            covers, stegos = (np.array([score(salt, image) for image in pixels(part)]) for part in (pairs.covers, pairs.stegos))
            rows.append({
                "test": test, "set": "lfw", "steganalyzer": "hashing", "minutes": 1.5, "side": 64, "photographs": photographs,
                "trained_on": trained_on, "trained_print": prints[trained_on], "tested_on": tested_on, "print": prints[tested_on],
                "split": split, "accuracy": accuracy(covers, stegos), "p_e": p_e(covers, stegos, 0.75 + split / 4),
                "auc": auc(covers, stegos), "threshold": 0.75 + split / 4, "train_pairs": 14, "val_pairs": 4, "test_pairs": 6,
                "steps": 5, "seconds": 1.25,
            })  # fmt: skip
    assert whole.runs == [{key: str(plain(value)) for key, value in row.items()} for row in rows]
    assert len({(row["accuracy"], row["p_e"], row["auc"]) for row in rows}) > 20  # not all the same by chance


def test_who_learns_on_what(whole, expected):
    """Without a word of `divide`: from the images themselves."""
    for split in range(3):
        trainings = [training for training in whole.trainings if training.seed == split]
        assert len(trainings) == 6  # two controls, three models; the basic one on seen photographs too
        for training in trainings:
            train, val = set(pixels(training.train.covers)), set(pixels(training.val.covers))
            unseen, seen = (set(pixels(expected["basic", kind].covers)) for kind in (True, False))
            tested = {image for salt, image in whole.tested if salt == training.salt} & (unseen | seen)
            assert not train & val and len(train) == 14 and len(val) == 4
            if train <= seen:  # "printed"
                assert val <= seen and tested <= unseen and not unseen & seen
                assert set(pixels(training.train.stegos)) <= set(pixels(expected["basic", False].stegos))
            else:
                assert not tested & (train | val) and tested | train | val == unseen
        assert sum(set(pixels(training.train.covers)) <= set(pixels(expected["basic", False].covers)) for training in trainings) == 1
    groups = {frozenset(pixels(training.train.covers)) for training in whole.trainings}
    assert len(groups) == 6  # three divisions of the unseen pairs, three of the seen
    assert len({training.salt for training in whole.trainings}) == len(whole.trainings) == 18


def test_covers_are_saved_as_they_are(whole, data):
    for where, pairs in zip(("seen", "unseen"), table6.photographs(open_sets([data])["lfw"], PLAN), strict=True):
        [folder] = whole.folder.glob(f"images/lfw-*/{where}/cover")
        saved = [read_rgb(path) for path in sorted(folder.iterdir())]
        assert len(saved) == len(pairs) == 24
        assert all(np.array_equal(image, cover.pixels) for image, (cover, _) in zip(saved, pairs, strict=True))
        assert any((image & 1).any() for image in saved)


# ---------------------------------------------------------------------- what is made of it


def test_the_table_is_made_of_all_splits(whole):
    assert len(whole.summary) == len(whole.table) == 11
    for row in whole.summary:
        own = [run for run in whole.runs if (run["test"], run["tested_on"]) == (row["test"], row["tested_on"])]
        assert [run["split"] for run in own] == ["0", "1", "2"] and row["splits"] == "3" and row["status"] == "measured"
        for key in ("set", "steganalyzer", "minutes", "side", "photographs", "trained_on", "train_pairs", "test_pairs", "steps"):
            assert {run[key] for run in own} == {row[key]}
        for measure in ("accuracy", "p_e", "auc"):
            values = [float(run[measure]) for run in own]
            half = stats.t.ppf(0.975, 2) * stats.sem(values)
            assert float(row[measure]) == pytest.approx(np.mean(values), abs=2e-5)
            assert float(row[f"{measure}_interval"]) >= half - 2e-5
            assert measure != "auc" or float(row["auc_interval"]) == pytest.approx(half, abs=2e-5)


def test_a_model_that_was_trained_on_everything_has_seen_the_test(whole):
    assert {(row["tested_on"], row["seen"]) for row in whole.summary} == {
        ("lsb-matching", "no"), ("cover", "no"), ("basic", "no"), ("lsb332", "no"), ("glutton", "yes"),
    }  # fmt: skip
    assert sum(row["seen"] == "yes" for row in whole.summary) == 3  # retrained, clean, printed


SETTINGS = {"set": "lfw", "steganalyzer": "xunet", "minutes": 5.0, "side": 64, "photographs": "abcdef12"}
METHODS = {name: (mark, table6.other_cover) for name, mark in (("basic", "new"), ("mine", "m2"), *zip(CONTROLS, CONTROLS, strict=True))}


def run_row(value: float, split: int, **changed: object) -> dict:
    scores = {"accuracy": value, "p_e": 1 - value, "auc": value**2, "threshold": 0.1}
    sizes = {"train_pairs": 3000, "val_pairs": 700, "test_pairs": 4000, "steps": 9, "seconds": 1.0}
    row = {"test": "clean", **SETTINGS, "trained_on": "basic", "trained_print": "new", "tested_on": "mine", "print": "m2", "split": split}
    return row | scores | sizes | changed


def test_other_rows_are_not_averaged_in(tmp_path):
    """Rows of other weights, of either model, of other tests and settings, and of splits that are not asked for."""
    right = [run_row(value, split) for split, value in enumerate((0.9, 0.5, 0.75))]
    other = [{"print": "m1"}, {"trained_print": "old"}, {"split": 3}, {"test": "printed"}, {"tested_on": "basic", "print": "new"}]
    other += [{key: "else"} for key in ("set", "steganalyzer", "photographs")] + [{"minutes": 6.0}, {"side": 128}]
    wrong = [run_row(0.1, 0) | change for change in other]
    wrong += [row | {"split": 4 if row["split"] == 3 else 1} for row in wrong]  # two of each: enough for a row of its own
    results = Results(tmp_path / "r")
    results.write(table6.RUNS, [*wrong[:4], *right, *wrong[4:]])
    rows = table6.summary(results, SETTINGS, table6.Plan(splits=3, side=64), METHODS)
    [row] = [row for row in rows if (row["test"], row["tested_on"]) == ("clean", "mine")]
    assert row["splits"] == 3 and row["train_pairs"] == "3000" and row["test_pairs"] == "4000"
    for measure, values in {"accuracy": (0.9, 0.5, 0.75), "p_e": (0.1, 0.5, 0.25), "auc": (0.81, 0.25, 0.5625)}.items():
        assert row[measure] == pytest.approx(np.mean(values), abs=1e-5)
        assert row[f"{measure}_interval"] == pytest.approx(stats.t.ppf(0.975, 2) * stats.sem(values), abs=1e-4)


def test_splits_that_agree_are_not_certain(tmp_path):
    results = Results(tmp_path / "r")
    results.write(table6.RUNS, [run_row(1.0, split, test_pairs=10) for split in range(3)])
    [row] = table6.summary(results, SETTINGS, table6.Plan(splits=3), METHODS)
    assert (row["accuracy"], row["p_e"]) == (1, 0) and row["accuracy_interval"] > 0.05
    assert row["p_e_interval"] == pytest.approx(share_interval(0.0, 2 * 10))  # covers and stego images of ten pairs


# ---------------------------------------------------------------------- going on


def test_more_splits_are_added_to_those_that_are_there(whole, copied, data, models):
    four = made(copied, data, models, replace(PLAN, splits=4))
    assert four.runs[: len(whole.runs)] == whole.runs and {row["split"] for row in four.runs[len(whole.runs) :]} == {"3"}
    assert {training.seed for training in four.trainings} == {3} and {row["splits"] for row in four.summary} == {"4"}
    assert four.summary != whole.summary
    three = made(copied, data, models)
    assert not three.trainings and three.summary == whole.summary and three.runs == four.runs


def test_detectors_are_kept(whole, copied, data, models):
    """What is measured later meets the very detectors that the rest met."""
    results = Results(copied)
    results.write(table6.RUNS, [row for row in whole.runs if "lsb332" not in (row["trained_on"], row["tested_on"])])
    again = made(copied, data, models)
    assert not again.trainings and again.summary == whole.summary
    assert sorted(map(str, again.runs)) == sorted(map(str, whole.runs))


@pytest.mark.parametrize("change", [{"steps": 8}, {"minutes": 2.0}, {"steganalyzer": "another"}])
def test_detectors_of_another_training_are_not_taken(whole, copied, data, change, monkeypatch):
    monkeypatch.setitem(networks._parts, "another", Hashing)
    (copied / "table6-runs.csv").unlink()
    other = made(copied, data, {"lsb332": "lsb332"}, replace(PLAN, splits=2, **change))
    assert len(other.trainings) == 2 * 3 and not {each.salt for each in other.trainings} & {each.salt for each in whole.trainings}


def test_without_transfer_only_the_models_own_detectors_are_tested():
    names = {"basic": None, "isgan": None}
    tests = [kind for kind, *_ in table6._tests(names, table6.Plan(transfer=False))]
    assert tests == ["control", "control", "retrained", "retrained"]


def test_without_a_basic_model_there_is_no_transfer(data, tmp_path):
    run = made(tmp_path / "r", data, {"basic": "nowhere", "lsb332": "lsb332"}, replace(PLAN, splits=2, limit=20))
    rows = {(row["test"], row["tested_on"]): row["status"] for row in run.summary}
    assert {key: status for key, status in rows.items() if key[0] != "control"} == {
        ("retrained", "basic"): "not trained", ("retrained", "lsb332"): "measured",
        **{(test, name): "not trained" for test in ("clean", "printed") for name in ("basic", "lsb332")},
    }  # fmt: skip


def test_two_splits_are_too_few_to_publish(data, tmp_path, capsys):
    assert main(["table", "6", "--data", str(data), "-o", str(tmp_path / "r"), "--splits", "2", "--model", "lsb332"]) == 2
    assert "3" in capsys.readouterr().err


# ---------------------------------------------------------------------- the training of a detector


class Small(Steganalyzer):
    """Tells covers and stego images by how red they are; tests say how."""

    least = 8

    def __init__(self) -> None:
        super().__init__()
        self.idle = nn.Parameter(torch.ones(1))

    def tell(self, red: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        return red

    def answer(self, image: torch.Tensor) -> torch.Tensor:
        told = self.tell(image[:, 0].mean((1, 2)) * 255, image) + 0 * self.idle
        return torch.stack([torch.zeros_like(told), told], 1)


@pytest.fixture
def registered(monkeypatch) -> Callable[[type], str]:
    def register(part: type) -> str:
        networks.names()
        monkeypatch.setitem(networks._parts, "of-a-test", part)
        return "of-a-test"

    return register


def reds(covers: tuple[int, int], stegos: tuple[int, int], blue: int = 0) -> Pairs:
    """Ten pairs of plain images, from one level of red to another."""
    parts = []
    for span in (covers, stegos):
        images = torch.zeros(10, 3, 16, 16, dtype=torch.uint8)
        images[:, 0] = torch.linspace(*span, 10).round().to(torch.uint8)[:, None, None]
        images[:, 2] = blue
        parts.append(images)
    return Pairs(*parts)


def test_the_threshold_is_that_of_the_validation(registered):
    """As good for it as can be, though the training pairs would have it elsewhere, and zero is no threshold either."""
    detector = train_detector(registered(Small), reds((10, 30), (50, 70)), reds((100, 118), (150, 170)), steps=10)
    assert 118 <= detector.threshold < 150
    covers, stegos = detector.scores(reds((100, 118), (150, 170)))
    assert p_e(covers, stegos, detector.threshold) == 0 and covers[0] == pytest.approx(100) and stegos[-1] == pytest.approx(170)


class Aging(Small):
    """Best after 30 steps on images without blue, after 70 on others."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("age", torch.zeros(1))

    def tell(self, red: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        self.age += self.training
        peak = 30 + 40 * (image[:, 2].mean((1, 2)) > 0)
        return (red - 128) / 16 / (1 + (self.age - peak).abs())


def test_the_weights_are_the_best_of_the_validation(registered):
    detector = train_detector(registered(Aging), reds((10, 60), (190, 250), 99), reds((10, 60), (190, 250)), steps=100)
    assert detector.steps == 100 and abs(float(detector.steganalyzer.age) - 30) <= 10


@dataclass
class Record:
    weights: list[torch.Tensor]
    batches: list[torch.Tensor]


@pytest.fixture(scope="module")
def noise() -> Pairs:
    return Pairs(*torch.randint(0, 256, (2, 20, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)))


@pytest.fixture
def record(registered, noise) -> Callable[..., Record]:
    def train(seed: int, steps: int = 64) -> Record:
        found = Record([], [])

        class Recording(Steganalyzer):
            least = 8

            def __init__(self) -> None:
                super().__init__()
                self.layer = nn.Conv2d(3, 2, 1)

            def answer(self, image: torch.Tensor) -> torch.Tensor:
                if self.training:
                    found.weights.append(self.layer.weight.detach().clone())
                    found.batches.append(image.detach().clone())
                return self.layer(image).mean((2, 3))

        train_detector(registered(Recording), noise, noise.take(np.arange(4)), steps=steps, seed=seed)
        return found

    return train


def turned(images: torch.Tensor) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Each image in all eight positions, with its place and the number of the position."""
    for place, image in enumerate(images.numpy()):
        for position in range(8):
            mirrored = image[:, :, ::-1] if position >= 4 else image
            yield np.rot90(mirrored, position % 4, (1, 2)).tobytes(), (place, position)


def places(record: Record, noise: Pairs) -> list[list[tuple[int, int]]]:
    """Place and position of the pairs of each batch, covers first, then their stego images, all with untouched values."""
    known = [dict(turned(part)) for part in (noise.covers, noise.stegos)]
    found = []
    for batch in record.batches:
        values = batch * 255
        assert (values - values.round()).abs().max() < 1e-3
        images, half = pixels(values.round().to(torch.uint8)), len(batch) // 2
        covers = [known[0].get(image) for image in images[:half]]
        assert None not in covers, "not a training cover turned or flipped"
        assert [known[1].get(image) for image in images[half:]] == covers, "stego images that are not those of the covers, turned alike"
        found.append(covers)
    return found


def test_a_batch_is_of_pairs_turned_alike(record, noise):
    found = places(record(3), noise)
    assert len(found) == 64 and all(len({place for place, _ in batch}) == len(batch) == 8 for batch in found)
    assert {place for batch in found for place, _ in batch} == set(range(20))
    assert {position for batch in found for _, position in batch} == set(range(8))


def test_the_seed_decides_weights_order_and_turns(record, noise):
    records = [record(seed, steps=12) for seed in (5, 5, 6, 7)]
    found = [places(each, noise) for each in records]
    assert found[0] == found[1] and torch.equal(records[0].weights[0], records[1].weights[0])
    assert torch.equal(records[0].weights[-1], records[1].weights[-1])
    for one, other in combinations((0, 2, 3), 2):
        assert not torch.equal(records[one].weights[0], records[other].weights[0])
        for part in (0, 1):
            assert [pair[part] for batch in found[one] for pair in batch] != [pair[part] for batch in found[other] for pair in batch]


def test_a_detector_is_read_back(registered, tmp_path):
    detector = train_detector(registered(Aging), reds((10, 60), (190, 250)), reds((10, 90), (70, 250)), steps=20)
    path = tmp_path / "detector.safetensors"
    detector.save(path)
    again = load_detector("of-a-test", path)
    assert (again.threshold, again.steps, again.seconds) == (detector.threshold, 20, detector.seconds)
    pairs = reds((0, 200), (50, 255))
    assert all(np.array_equal(*both) for both in zip(detector.scores(pairs), again.scores(pairs), strict=True))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IsganError, match="not a detector of this version"):
        load_detector("of-a-test", path)

"""Table 6: how often a steganalyzer recognises the stego images of each model - as the paper tests it, and as it should be tested.

Tests, each on `splits` random divisions of the same pairs into training, validation and test:

- "printed": the detector learns on the basic model's stego images of the photographs that the models were trained on (the sets are too
  small for fresh ones, so these come again), and is tested on each model's stego images of unseen photographs. A transfer test.
- "clean": the same with the other photographs, covers and secrets all different. A model that was trained on them nevertheless
  (its card tells) has "yes" in the column `seen`.
- "retrained": clean, and the detector learns on the very model it is tested on.
- "control": the detector of "retrained" for LSB matching, which it has to find, and for covers against other covers, which it must not.

Covers and stego images are written and read by one piece of code, so that nothing but the hiding tells them apart.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isgan import models as weights
from isgan.console import counting, fraction_done
from isgan.datasets.base import Source
from isgan.datasets.pairs import gray, in_share
from isgan.errors import IsganError, MissingModel
from isgan.detectors.network import Detector, Pairs, load_detector, train_detector
from isgan.evaluation.results import LSB_MATCHING, OTHER_COVER, Results, plain
from isgan.evaluation.table5 import MODELS as MEASURED
from isgan.evaluation.table5 import Photo, squares
from isgan.image import read_rgb, to_array, to_tensor, write_png
from isgan.metrics.security import accuracy, auc, interval, p_e, share_interval
from isgan.steganographer import Steganographer

BASIC, AGAIN = "basic", "basic-2"
MODELS = (*MEASURED, AGAIN)
RUNS, TABLE = "table6-runs", "table6"
SHARES = (0.6, 0.15)  # of the pairs, for training and validation; the rest is the test
LEAST = 20  # pairs
MEASURES = ("accuracy", "p_e", "auc")
BITS_PER_SAMPLE = 0.4

Method = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
"""The photographs of a pair, (H, W, 3) uint8 each, and its number -> stego (H, W, 3) uint8."""


@dataclass(frozen=True)
class Plan:
    """How a table is made.

    Attributes:
        steganalyzer: name of the network that detects.
        minutes, steps: training of each detector.
        splits: divisions of the pairs, at least 2; the intervals are over them.
        limit: at most so many pairs.
        side: of all images; the paper's 256.
        share: of the training photographs that the models were trained on (`photos.share` of their recipes).
        transfer: with the tests that are trained on the basic model, "clean" and "printed".
    """

    steganalyzer: str = "xunet"
    minutes: float = 0.0
    steps: int = 0
    splits: int = 3
    limit: int | None = None
    side: int = 256
    share: float = 0.5
    transfer: bool = True


def lsb_matching(cover: np.ndarray, _secret: np.ndarray, number: int) -> np.ndarray:
    """LSB matching at 0.4 random bits per sample: half the samples that carry a bit change, by +1 or -1, inwards at black and white."""
    rng = np.random.default_rng((7, number))
    change = np.where(rng.random(cover.shape) < 0.5, 1, -1) * (rng.random(cover.shape) < BITS_PER_SAMPLE / 2)
    change = np.where((cover == 0) | (cover == 255), np.abs(change) * np.where(cover == 0, 1, -1), change)
    return (cover + change).astype(np.uint8)


def other_cover(_cover: np.ndarray, secret: np.ndarray, _number: int) -> np.ndarray:
    """Another photograph, in which nothing is hidden: what a detector finds here is in the test and not in the images."""
    return secret


def run(results: Results, sets: Mapping[str, Source], plan: Plan, models: Mapping[str, str] | None = None, *,
        others: Mapping[str, tuple[str, Method]] | None = None,
        on_row: Callable[[Mapping[str, Any]], None] = lambda _: None) -> list[dict[str, Any]]:  # fmt: skip
    """Trains and tests the detectors that are missing in the results, and writes `table6.csv`: means and 95 % intervals over the splits.

    Args:
        results: where `table6-runs.csv` grows, a row per detector and tested model; stego images are kept in images/.
        sets: photographs by set name; a table for each.
        plan: see `Plan`.
        models: what to load, by row name; by default the shipped ones. Models that do not exist get rows "not trained".
        others: more methods by row name, each with what tells it from an older one.
        on_row: called with each row of `table6-runs.csv`.
    """
    models = models or {name: name for name in MODELS}
    table: list[dict[str, Any]] = []
    for set_name, source in sets.items():
        methods, absent = _methods(models)
        methods |= others or {}
        seen, unseen = photographs(source, plan)
        settings = {"set": set_name, "steganalyzer": plan.steganalyzer, "minutes": float(plan.minutes), "side": plan.side,
                    "photographs": digest(seen, unseen)}  # fmt: skip
        folder = results.folder / "images" / f"{set_name}-{settings['photographs']}"
        fresh, again = _Stegos(folder / "unseen", unseen, methods), _Stegos(folder / "seen", seen, methods)
        for row in _runs(results, settings, plan, methods, fresh, again):
            on_row(row)
        trained = {name for name, model in models.items() if name not in absent and share(weights.card(model), set_name) > plan.share}
        for row in summary(results, settings, plan, methods):
            row["seen"] = "yes" if row["tested_on"] in trained else "no"
            table.append(row)
        blind = [*absent, *(name for name in models if name not in absent and BASIC in absent)] if plan.transfer else []
        for test, names in (("retrained", absent), ("clean", blind), ("printed", blind)):
            table += [{"test": test, "set": set_name, "trained_on": "", "tested_on": name, "status": "not trained"} for name in names]
        results.merge(TABLE, table, ("set", "test", "tested_on"))
    return table


def share(card: Mapping[str, Any], set_name: str) -> float:
    """How much of a set's training photographs a model was trained on, in any of the runs on its card; 0 if on none."""
    photos = card.get("recipe", {}).get("photos", {})
    own = photos.get("share", 1.0) if set_name in card.get("photographs", {}) else 0.0
    return max(own, share(card["initial"], set_name)) if "initial" in card else own


def digest(*groups: Sequence[tuple[Photo, Photo]]) -> str:
    """Eight characters that tell pairs of photographs from others."""
    found = hashlib.sha256()
    for pairs in groups:
        for photo in (photo for pair in pairs for photo in pair):
            found.update(photo.pixels.tobytes())
        found.update(str(len(pairs)).encode())
    return found.hexdigest()[:8]


def photographs(source: Source, plan: Plan) -> tuple[list[tuple[Photo, Photo]], list[tuple[Photo, Photo]]]:
    """Pairs of photographs that models were trained on, and pairs that none has seen: covers and secrets are all different photographs."""
    train = source.images("train")
    used = [path for path in train if in_share(path, plan.share)]
    fresh = [path for path in train if not in_share(path, plan.share)] + source.images("test")
    found: list[list[tuple[Photo, Photo]]] = [] if plan.transfer else [[]]  # the other tests ask for no photograph that was trained on
    for what, paths in (("used", used), ("unseen", fresh))[len(found) :]:
        order = np.random.default_rng(0).permutation(len(paths))
        photos = list(squares(source, [paths[place] for place in order], plan.side, None if plan.limit is None else 2 * plan.limit))
        half = len(photos) // 2
        if half < LEAST:
            remedy = "give more, or another --share" if plan.transfer else "give more"
            raise IsganError(f"{source.root} has {len(photos)} {what} photographs, the test needs {2 * LEAST}: {remedy}")
        found.append(list(zip(photos[: 2 * half : 2], photos[1 : 2 * half : 2], strict=True)))
    return found[0], found[1]


def divide(count: int, split: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The places of the training, validation and test pairs of a split: a random division that depends on its number alone."""
    order = np.random.default_rng((11, split)).permutation(count)
    first, second = int(SHARES[0] * count), int(sum(SHARES) * count)
    return order[:first], order[first:second], order[second:]


def summary(results: Results, settings: Mapping[str, Any], plan: Plan, methods: Mapping[str, tuple[str, Method]]) -> list[dict[str, Any]]:
    """One row per test and model: mean of each measure over the splits, and half the width of its 95 % interval.

    That of accuracy and P_E is at least what the few images of a test leave open, also where all splits agree.
    """
    rows = [row for row in results.rows(RUNS) if all(row[key] == str(plain(value)) for key, value in settings.items())]
    table = []
    for test, trained_on, tested_on in _tests(methods, plan):
        group = [row for row in rows if (row["test"], row["tested_on"], row["print"]) == (test, tested_on, methods[tested_on][0])]
        group = [row for row in group if row["trained_print"] == methods[trained_on][0] and int(row["split"]) < plan.splits]
        if not group:
            continue
        scores: dict[str, float] = {}
        for measure in MEASURES:
            scores[measure], width = interval([float(row[measure]) for row in group])
            if measure != "auc":
                width = max(width, share_interval(scores[measure], 2 * int(group[0]["test_pairs"])))
            scores[f"{measure}_interval"] = width
        table.append({"test": test, **settings, "trained_on": trained_on, "tested_on": tested_on, "status": "measured",
                      "splits": len(group), "train_pairs": group[0]["train_pairs"], "test_pairs": group[0]["test_pairs"], **scores,
                      "steps": group[0]["steps"]})  # fmt: skip
    return table


def _methods(models: Mapping[str, str]) -> tuple[dict[str, tuple[str, Method]], list[str]]:
    """Fingerprint and method by row name, controls last; and the names of models that do not exist."""
    methods: dict[str, tuple[str, Method]] = {}
    absent = []
    for name, model in models.items():
        if name in (LSB_MATCHING, OTHER_COVER):
            raise IsganError(f"'{name}' is the name of a control: give the model another, NAME=FILE")
        try:
            methods[name] = weights.fingerprint(model), _hiding(model)
        except MissingModel:
            absent.append(name)
    return methods | {LSB_MATCHING: (LSB_MATCHING, lsb_matching), OTHER_COVER: (OTHER_COVER, other_cover)}, absent


def _hiding(model: str) -> Method:
    steganographer = None

    def hide(cover: np.ndarray, secret: np.ndarray, _number: int) -> np.ndarray:
        nonlocal steganographer
        steganographer = steganographer or Steganographer(weights.hider(model))
        return steganographer.hide(cover, to_array(gray(to_tensor(secret))))

    return hide


def _tests(methods: Mapping[str, Any], plan: Plan) -> Iterator[tuple[str, str, str]]:
    """(test, trained on, tested on), controls first: where they fail, nothing else means anything."""
    hiders = [name for name in methods if name not in (LSB_MATCHING, OTHER_COVER)]
    yield from (("control", name, name) for name in (LSB_MATCHING, OTHER_COVER))
    yield from (("retrained", name, name) for name in hiders)
    if BASIC in methods and plan.transfer:
        yield from ((test, BASIC, name) for test in ("clean", "printed") for name in hiders)


def _runs(results: Results, settings: Mapping[str, Any], plan: Plan, methods: Mapping[str, tuple[str, Method]],
          fresh: "_Stegos", again: "_Stegos") -> Iterator[Mapping[str, Any]]:  # fmt: skip
    for split in range(plan.splits):
        train, val, test = divide(len(fresh), split)
        detectors: dict[tuple[str, bool], Detector] = {}
        for kind, trained_on, tested_on in _tests(methods, plan):
            keys = {"test": kind, **settings, "trained_on": trained_on, "trained_print": methods[trained_on][0],
                    "tested_on": tested_on, "print": methods[tested_on][0], "split": split}  # fmt: skip
            if results.has(RUNS, **keys):
                continue
            source = again if kind == "printed" else fresh
            learn, check = (train, val) if source is fresh else divide(len(again), split)[:2]
            which = trained_on, source is fresh
            if which not in detectors:
                # Kept, so that a model that is added later meets the same detector as the others.
                kept = source.folder / f"{methods[trained_on][0]}-{plan.steganalyzer}-{plan.minutes:g}-{plan.steps}-{split}.safetensors"
                if kept.exists():
                    detectors[which] = load_detector(plan.steganalyzer, kept)
                else:
                    pairs = source.pairs(trained_on)
                    with fraction_done(f"{settings['set']}: detector on {trained_on}, split {split + 1}") as progress:
                        detectors[which] = train_detector(plan.steganalyzer, pairs.take(learn), pairs.take(check), minutes=plan.minutes,
                                                          steps=plan.steps, seed=split, progress=progress)  # fmt: skip
                    detectors[which].save(kept)
            detector = detectors[which]
            covers, stegos = detector.scores(fresh.pairs(tested_on).take(test))
            row = {**keys, "accuracy": accuracy(covers, stegos, 0.0), "p_e": p_e(covers, stegos, detector.threshold),
                   "auc": auc(covers, stegos), "threshold": detector.threshold, "train_pairs": len(learn), "val_pairs": len(check),
                   "test_pairs": len(test), "steps": detector.steps, "seconds": detector.seconds}  # fmt: skip
            results.add(RUNS, row)
            yield row


class _Stegos:
    """Covers and stego images as PNG files, made when they are first asked for."""

    def __init__(self, folder: Path, photos: Sequence[tuple[Photo, Photo]], methods: Mapping[str, tuple[str, Method]]):
        self.folder, self.photos, self.methods = folder, photos, methods
        self._loaded: dict[str, torch.Tensor] = {}

    def __len__(self) -> int:
        return len(self.photos)

    def pairs(self, name: str) -> Pairs:
        """Covers and stego images of a method."""
        fingerprint, method = self.methods[name]
        return Pairs(self._images("cover", lambda cover, *_: cover), self._images(f"{Path(name).name}-{fingerprint}", method))

    def _images(self, name: str, method: Method) -> torch.Tensor:
        if name not in self._loaded:
            while len(self._loaded) > 2:  # the covers and two methods: memory
                self._loaded.pop(next(key for key in self._loaded if key != "cover"))
            folder = self.folder / name
            folder.mkdir(parents=True, exist_ok=True)
            images = []
            with counting(f"{name}: stego images", len(self.photos)) as done:
                for number, (cover, secret) in enumerate(self.photos):
                    file = folder / f"{number:05}-{Path(cover.name).stem}.png"
                    if not file.exists():
                        write_png(method(cover.pixels, secret.pixels, number), file)
                    images.append(torch.from_numpy(read_rgb(file)).permute(2, 0, 1))
                    done()
            self._loaded[name] = torch.stack(images)
        return self._loaded[name]

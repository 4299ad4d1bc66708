"""Level S4: the tool as a detector, in the hands of one who has no pass phrase."""

import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from isgan import models
from isgan.covers.base import Cover
from isgan.detectors.ensemble import discriminant
from isgan.errors import IsganError
from isgan.evaluation.audit.bench import Attack, Bench, divide
from isgan.evaluation.audit.summary import within
from isgan.evaluation.results import Counting, uncounted
from isgan.key import Key
from isgan.metrics.security import auc, best_threshold, interval, p_e
from isgan.options import NO_PASS_PHRASE, Options
from isgan.picture import fit
from isgan.schemes.base import Scheme

ASKED, SEEN = "audit-asked", "audit-seen"
WRONG = "another pass phrase than the sender's"
PAIRS = 100
"""At most so many: it is a matter of yes or no."""
STATISTICS = ("across", "down", "spread", "compressed", "of_the_file")


def asked(bench: Bench, options: Options, name: str, counting: Counting = uncounted) -> list[dict[str, Any]]:
    """What `reveal` says of covers and stego images: a row for each thing that could tell them apart.

    Of a model with a key it is asked with another pass phrase and with none: whether something opens, whether the answers differ, and
    how long they take. Of a model without one it succeeds, and what it reveals is looked at: a discriminant of five plain statistics
    tells a secret from what covers give.
    """
    scheme = models.load(options.model, options.engine)
    count = min(len(bench.material.pairs), PAIRS)
    pairs = bench.stegos.pairs(name, list(range(count)))
    names = [(cover.name, secret.name) for cover, secret in bench.material.pairs[:count]]
    keys = {"kind": bench.material.kind, "photographs": bench.print, "subject": name, "print": bench.methods[name].fingerprint}

    def measured(table: str, look: Callable[[Cover, Cover, int], dict[str, Any]]) -> list[dict[str, str]]:
        return bench.results.completed(table, keys, names, lambda at: look(pairs.covers[at], pairs.stegos[at], at), counting)

    common = {"kind": keys["kind"], "subject": name, "pairs": count}
    if scheme.keyed:
        rows = measured(ASKED, lambda cover, stego, at: _asked(scheme, cover, stego, at))
        return [common | row for row in _told(rows)]
    rows = measured(SEEN, lambda cover, stego, _: _seen(scheme, cover, stego))
    return [common | _recognised(rows, bench.plan.splits)]


def _asked(scheme: Scheme, cover: Cover, stego: Cover, at: int) -> dict[str, Any]:
    """One pair, asked in turn, every second time the stego image first."""
    row: dict[str, Any] = {}
    answers = {}
    files = [("cover", cover), ("stego", stego)]
    for phrase, what in ((WRONG, "wrong"), (NO_PASS_PHRASE, "none")):
        for kind, file in files[:: 1 if at % 2 else -1]:
            key = Key(phrase, file.salt())
            opened, answers[what, kind], row[f"{what}_{kind}_seconds"] = _reveal(scheme, file, key)
            row[f"{what}_{kind}_opened"] = int(opened)
        row[f"{what}_same_answer"] = int(answers[what, "cover"] == answers[what, "stego"])
    return dict(sorted(row.items()))


def _reveal(scheme: Scheme, file: Cover, key: Key) -> tuple[bool, str, float]:
    started = time.perf_counter()
    try:
        scheme.reveal(file, key)
        answer = ""
    except IsganError as error:
        answer = str(error)
    return not answer, answer, time.perf_counter() - started


def _told(rows: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
    """AUC and its 95 % interval of each statistic; the interval is that of one that tells nothing."""
    count = len(rows)
    width = 1.96 * ((2 * count + 1) / (12 * count**2)) ** 0.5
    told = []
    for what, words in (("wrong", "another pass phrase"), ("none", "no pass phrase")):
        for column, statistic in (("opened", "something opens"), ("seconds", "seconds to answer")):
            covers, stegos = (np.array([float(row[f"{what}_{kind}_{column}"]) for row in rows]) for kind in ("cover", "stego"))
            told.append({"statistic": f"{statistic}, {words}", "auc": auc(covers, stegos), "auc_interval": width})
        differing = float(np.mean([row[f"{what}_same_answer"] == "0" for row in rows]))
        told.append({"statistic": f"answers differ, {words}", "auc": 0.5 + differing / 2, "auc_interval": width})
    return told


def _seen(scheme: Scheme, cover: Cover, stego: Cover) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for kind, file in (("cover", cover), ("stego", stego)):
        found = scheme.reveal(file, Key(NO_PASS_PHRASE, file.salt())).picture
        assert found is not None
        row |= {f"{kind}_{name}": value for name, value in zip(STATISTICS, statistics(found, file.pixels()), strict=True)}
    return row


def statistics(revealed: np.ndarray, file: np.ndarray) -> tuple[float, ...]:
    """Of a revealed picture: correlation of neighbours across and down, spread, how far it can be compressed, and its correlation with
    the brightness of the file that it was revealed from."""
    gray = (revealed if revealed.ndim == 2 else revealed.mean(axis=2)).astype(np.float64)
    bright = fit(file.mean(axis=2).astype(np.uint8) if file.ndim == 3 else file, *gray.shape).astype(np.float64)
    size = len(zlib.compress(np.rint(gray).astype(np.uint8).tobytes(), 6)) / gray.size
    return (_correlation(gray[:, 1:], gray[:, :-1]), _correlation(gray[1:], gray[:-1]), float(gray.std()), size, _correlation(gray, bright))


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    if one.std() == 0 or other.std() == 0:
        return 0.0
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def _recognised(rows: Sequence[dict[str, str]], splits: int) -> dict[str, Any]:
    """How well a discriminant of the statistics tells what covers and what stego images reveal."""
    covers, stegos = (np.array([[float(row[f"{kind}_{name}"]) for name in STATISTICS] for row in rows]) for kind in ("cover", "stego"))
    scale = np.concatenate([covers, stegos]).std(axis=0) + 1e-12
    areas, errors = [], []
    for split in range(splits):
        division = divide([""] * len(rows), Attack("S4", "", ""), split, splits)
        weights = discriminant(covers[division.learn] / scale, stegos[division.learn] / scale) / scale
        quiet, loud = covers @ weights, stegos @ weights
        areas.append(auc(quiet[division.test], loud[division.test]))
        threshold = best_threshold(quiet[division.check], loud[division.check])
        errors.append(p_e(quiet[division.test], loud[division.test], threshold))
    (area, width), (error, error_width) = interval(areas), interval(errors)
    return {"statistic": "what it reveals is a picture", "auc": area, "auc_interval": within(area, width),
            "p_e": error, "p_e_interval": within(error, error_width)}  # fmt: skip

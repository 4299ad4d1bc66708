"""Of many covers the best for a secret: the one in which it arrives best, and of equals the one that changes least where it shows.

The advice to choose the cover is as old as the field: M. Kharrazi, H. Sencar, N. Memon, "Cover selection for steganographic
embedding", ICIP 2006. `benchmarks/best_of.py` measures what it is worth.
"""

import math
import os
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isgan import jobs, models, pipeline
from isgan.codecs.base import DECADE
from isgan.coders.stc import entropy
from isgan.costs import costs
from isgan.costs.base import Costs
from isgan.covers.base import Cover
from isgan.errors import IsganError
from isgan.files import MAX_BYTES, quoted
from isgan.folders.hiding import workers
from isgan.folders.pairs import pictures
from isgan.key import TAG
from isgan.options import Options
from isgan.payload import pack
from isgan.schemes.base import Progress, silent
from isgan.schemes.embedding import HEAD, Embedding
from isgan.sources import cover_of, secret_of

SAMPLES = 1 << 17  # of a cover that are looked at
ALIKE = 0.5  # dB of the secret that count as no difference
TRIALS = 3


class Candidate(NamedTuple):
    """A cover, and what is to be expected of it.

    Attributes:
        cover: the file.
        room: bytes that it takes at the risk.
        distortion: sum of the prices of all changes, by the model's own cost; to be compared among covers of one kind.
        changed: share of the samples that change.
    """

    cover: Path
    room: int
    distortion: float
    changed: float


@dataclass(frozen=True)
class Ranking:
    """Covers, the best one first, and why others are not among them."""

    candidates: list[Candidate]
    refused: dict[str, str]


def ranked(secret: Path, covers: Path, output: str | os.PathLike | None, options: Options, processes: int | None = None,
           progress: Progress = silent) -> Ranking:  # fmt: skip
    """Ranks the covers of a folder for a secret.

    What the receiver gets comes first: covers that take all the bytes that the secret is worth are equal, and so are those by which it
    loses no more than half a decibel. Of equals the one with the least expected distortion comes first. Covers in which any change
    would show are left out, see `isgan.covers.past`.

    Raises:
        IsganError: none of them will do.
    """
    scheme = models.load(options.model)
    if not isinstance(scheme, Embedding):
        raise IsganError(f"'{options.model}' has no costs to choose a cover by: take an embedding model")
    given = secret_of(secret, replace(options, risk="high"), scheme, None)
    wanted = len(pack(given, MAX_BYTES, options, options.codec or scheme.codec, lambda size: 1.0).data)
    found = pictures(covers)
    candidates, refused = [], {}
    work = partial(judged, wanted=wanted, output=output, options=options)
    with closing(jobs.each(work, found, workers(options, len(found), processes), ordered=True)) as outcomes:
        for number, outcome in enumerate(outcomes, 1):
            if outcome.result is None:
                refused[outcome.item.name] = outcome.error
            else:
                candidates.append(outcome.result)
            progress(number, len(found))
    if options.exact or options.quality is not None or given.picture is None:  # all of it, or nothing
        candidates = [candidate for candidate in candidates if candidate.room >= wanted] or candidates
    if not candidates:
        name, why = next(iter(refused.items()))
        raise IsganError(f"none of the {len(found)} covers will do; {quoted(name)}: {why}")

    def key(candidate: Candidate) -> tuple[int, float]:
        return -round(DECADE / ALIKE * math.log10(max(1, min(candidate.room, wanted)))), candidate.distortion

    return Ranking(sorted(candidates, key=key), refused)


def hide_best(secret: Path | bytes, covers: Path, output: str | os.PathLike | None, phrase: str | None, options: Options, ranking: Ranking,
              force: bool = False, progress: Progress = silent) -> pipeline.Stego:  # fmt: skip
    """`isgan.pipeline.hide` in the best cover, or in the next ones if it fails there; the facts say which one it was."""
    for number, candidate in enumerate(ranking.candidates[:TRIALS], 1):
        try:
            pipeline.check(candidate.cover, secret, output, options, force)
            made = pipeline.hide(candidate.cover, secret, output, phrase, options, force, progress)
        except IsganError:
            if number == min(TRIALS, len(ranking.candidates)):
                raise
            continue
        facts: dict[str, Any] = {"cover": candidate.cover.name, "best of": len(ranking.candidates)}
        if ranking.refused:
            facts["unfit covers"] = len(ranking.refused)
        return replace(made, facts=facts | made.facts)
    raise IsganError(f"there is no cover in {quoted(covers)}: put some there, or name another folder")


def judged(path: Path, wanted: int, output: str | os.PathLike | None, options: Options) -> Candidate:
    """In a process of its own: what one cover is worth."""
    scheme = models.load(options.model)
    assert isinstance(scheme, Embedding)
    cover = cover_of(path, output, options)
    room = scheme.room(cover, options.risk)
    if room < 1:
        raise IsganError(f"it takes nothing at --risk {options.risk}: take a larger one")
    priced = costs[scheme.settings_of(cover).cost](cover)
    return Candidate(path, room, *expected(priced, cover, 8 * (HEAD + min(room, wanted) + TAG)))


def expected(priced: Costs, cover: Cover, bits: int) -> tuple[float, float]:
    """Distortion, and the share of samples that change, if so many bits are embedded by an optimal code.

    The distribution of changes is the one of least expected price for its entropy (Filler, Judas and Fridrich 2011); it is found on
    evenly spaced samples.
    """
    step = max(1, cover.samples // SAMPLES)
    down, up = (np.concatenate([plane.ravel() for plane in planes])[::step].astype(np.float64) for planes in priced)
    still = np.concatenate([np.zeros(plane.shape, bool).ravel() if mask is None else mask.ravel()
                            for plane, mask in zip(cover.planes, cover.frozen, strict=True)])[::step]  # fmt: skip
    down[still] = up[still] = np.inf
    rate = bits / cover.samples
    low, high = -60.0, 60.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if entropy(down, up, math.exp(middle)) > rate else (low, middle)
    prices = np.stack([down, up])
    odds = np.exp(-np.minimum(math.exp(low) * prices, 700))
    chances = odds / (1 + odds.sum(axis=0))
    chances[~np.isfinite(prices)] = 0
    spent = float((chances * np.where(np.isfinite(prices), prices, 0)).sum())
    return spent * cover.samples / still.size, float(chances.sum()) / still.size

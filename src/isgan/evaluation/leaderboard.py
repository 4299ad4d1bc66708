"""The leaderboard: every model on the same photographs through PNG files - quality, changed samples, payload, seconds and
memory, detectability.

Models that embed a compressed secret are measured as `isgan hide` uses them, and at fixed qualities of the secret with
all that the cover can carry; models with a dial at each of its strengths.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from isgan import models
from isgan.datasets.base import Source, name_in
from isgan.evaluation.quality import Row, measure, pair_up, summary
from isgan.evaluation.results import Counting, Following, Results, uncounted, unfollowed
from isgan.evaluation.security import CONTROL, RETRAINED, Case, Plan, Trial, pairs, unseen_photographs
from isgan.evaluation.standings import AUTO, TABLE, draw, markdown
from isgan.evaluation.stegos import CONTROLS, hiding
from isgan.evaluation.usage import process
from isgan.files import write_file
from isgan.options import Options
from isgan.schemes.base import Scheme

IMAGES = "leaderboard-images"
QUALITIES = (30.0, 33.5, 40.0, 47.6)
"""PSNR in dB of embedded secrets, where they fit: 33.5 is the paper's, 47.6 what `qim` reveals."""
DETECTED = (AUTO, "33.5 dB")
"""The settings whose stego images detectors look for."""


def settings(model: str, scheme: Scheme) -> dict[str, Options]:
    """What a model is measured with, by name: as `isgan hide` uses it first."""
    plain = {AUTO: Options(model=model, gray=True)}
    if scheme.resizes:
        return plain | {
            str(strength): Options(model=model, strength=strength) for strength in range(1, scheme.strengths + 1)
        }
    return plain | {f"{psnr:g} dB": Options(model=model, gray=True, risk="high", quality=psnr) for psnr in QUALITIES}


def run(results: Results, sets: Mapping[str, Source], plan: Plan, names: Sequence[str], limit: int | None = None,
        counting: Counting = uncounted, following: Following = unfollowed) -> list[dict[str, Any]]:  # fmt: skip
    """Measures what is missing in the results and writes `leaderboard.csv`, a row for each set, model and setting.

    Args:
        results: where `leaderboard-images.csv` grows, a row per pair of images; the detectors' rows are in
            `table6-runs.csv`.
        sets: photographs by set name. Test photographs are measured at their own size; detectors see squares of all
            splits.
        plan: of the detectors, one for each model and setting that is detected, and the controls.
        names: models.
        limit: at most so many pairs of each set are measured.
        counting, following: show how far it is.
    """
    table: list[dict[str, Any]] = []
    usage = {name: _usage(name, next(iter(sets.values()))) for name in names}
    choices = {name: settings(name, models.load(name)) for name in names}
    methods = {
        _method(name, setting): hiding(options)
        for name, chosen in choices.items()
        for setting, options in chosen.items()
        if setting in DETECTED
    }
    tests = [*(Case(CONTROL, name, name) for name in CONTROLS), *(Case(RETRAINED, name, name) for name in methods)]
    for set_name, source in sets.items():
        files = pair_up(source.images("test"), limit)
        rows = [summary(_measured(results, set_name, options, setting, files, source.home, counting))
                for chosen in choices.values() for setting, options in chosen.items()]  # fmt: skip
        trial = Trial(
            results,
            set_name,
            plan,
            methods | CONTROLS,
            pairs(source, unseen_photographs(source, plan), "unseen", plan),
            counting=counting,
            following=following,
        )
        for _ in trial.runs(tests):
            pass
        detected = {row["tested_on"]: row for row in trial.summary(tests)}
        for row in rows:
            found = detected.get(_method(row["model"], row["setting"]), {})
            row |= {key: found[key] for key in ("p_e", "p_e_interval") if found}
            row |= usage[row["model"]] if row["setting"] == AUTO else {}
        table += rows
        table += [
            {
                "set": set_name,
                "model": name,
                "setting": CONTROL,
                **{key: detected[name][key] for key in ("p_e", "p_e_interval")},
            }
            for name in CONTROLS
        ]
        results.merge(TABLE, table, ("set", "model", "setting"))
    write_file(results.folder / f"{TABLE}.md", markdown(results.rows(TABLE)).encode(), force=True)
    draw(results)
    return table


def _method(model: str, setting: str) -> str:
    """What the stego images of a model and setting are called among the detectors' rows."""
    return model if setting == AUTO else f"{model} {setting}"


def _usage(model: str, source: Source) -> dict[str, float]:
    """Size of the weights, and what the command lines take on the set's first two test photographs; at `--risk high`, so that no pair of
    them is refused."""
    path = models.find(model)
    cover, secret = pair_up(source.images("test"), 1)[0]
    with tempfile.TemporaryDirectory() as folder:
        stego, revealed = Path(folder, "stego.png"), Path(folder, "revealed.png")
        hiding = process(
            "hide",
            cover,
            secret,
            "-o",
            stego,
            "--model",
            model,
            "--min-secret-psnr",
            0,
            "--no-pass",
            "--gray",
            "--risk",
            "high",
            "--quiet",
        )
        revealing = process("reveal", stego, "-o", revealed, "--model", model, "--no-pass", "--quiet")
    return {
        "weights_mib": path.stat().st_size / 2**20 if path else 0.0,
        "command_hide_seconds": hiding.seconds,
        "command_reveal_seconds": revealing.seconds,
        "peak_mib": max(hiding.peak_mib, revealing.peak_mib),
    }


def _measured(
    results: Results,
    set_name: str,
    options: Options,
    setting: str,
    files: Sequence[tuple[Path, Path]],
    home: Path,
    counting: Counting,
) -> list[Row]:
    """The rows of these pairs, from the results or measured and added."""
    scheme: Scheme | None = None

    def one(place: int) -> dict[str, Any]:
        nonlocal scheme
        scheme = scheme or models.load(options.model)
        (row,) = measure(scheme, options, setting, set_name, [files[place]], (home, home))
        return {key: value for key, value in asdict(row).items() if key not in (*keys, "cover", "secret")}

    keys = {
        "set": set_name,
        "model": options.model,
        "setting": setting,
        "fingerprint": models.fingerprint(options.model),
    }
    names = [(name_in(home, cover), name_in(home, secret)) for cover, secret in files]
    return [_row(row) for row in results.completed(IMAGES, keys, names, one, counting)]


def _row(values: Mapping[str, str]) -> Row:
    """A row of `leaderboard-images.csv`."""
    kinds = {field.name: field.type if field.type in (int, float) else str for field in fields(Row)}
    numbers = {"rate": float, "strength": int}
    return Row(**{name: numbers[name](values[name]) if values[name] and name in numbers else kind(values[name])
                  for name, kind in kinds.items()})  # type: ignore[arg-type, operator]  # fmt: skip

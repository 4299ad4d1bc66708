"""One HTML page of all results: tables with the paper's numbers beside ours, and what the numbers say about the paper's
claims.

The sentences are made from the CSV files; nothing here is measured, and torch is not needed.
"""

import base64
import io
import math
import shlex
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, StrictUndefined
from PIL import Image

from isgan import __version__
from isgan.errors import IsganError
from isgan.evaluation.paper import curves
from isgan.evaluation.results import LSB_MATCHING, MARK, OTHER_COVER, Results
from isgan.files import write_file
from isgan.metrics import EXACT
from isgan.picture import read_rgb

HERE = Path(__file__).parent
ENDS = {"stego": "stego image", "secret": "secret"}
MIXED = "mse+ssim+ms-ssim"
BASIC, AGAIN, ADVERSARIAL = "basic", "basic-2", "isgan"
SUFFIX = "-adversarial"  # of the names of other models trained against a steganalyzer
CONTROLS = {LSB_MATCHING: "LSB matching", OTHER_COVER: "another cover"}
WEAK = 0.45  # a detector whose P_E for LSB matching is not under this, interval included, has not learnt to detect
LEAK = 0.05  # a test that tells covers from other covers by more than this, and by more than the interval, is wrong
WIDEST = 1600  # pixels of an embedded picture
TESTS = {
    "control": "The detector has to find LSB matching, and must not find anything where another cover stands for the stego image.",
    "retrained": "The detector learns on the very model it is tested on, from photographs that are new to it. The stronger test.",
    "clean": "Transfer: the detector learns on the basic model and is tested on each model, with photographs new to both.",
    "printed": "Transfer, as the paper tests: the detector learns on the basic model's stego images of the photographs that the models "
    "were trained on.",
}


def write(folder: Path, output: Path, force: bool = False) -> Path:
    """Writes the page of a folder of results, whole or not at all.

    Raises:
        IsganError: a folder without results, or with those of another version; tables or pictures that cannot be read;
            an existing output without `force`, or one that cannot be written.
    """
    if not force and output.exists():
        raise IsganError(f"{output} exists: choose another name, or use --force to overwrite it")
    if output.is_dir() or not output.parent.is_dir():
        raise IsganError(f"cannot write {output}: {'it is a folder' if output.is_dir() else 'create its folder first'}")
    write_file(output, page(folder).encode(), force=True)
    return output


def page(folder: Path) -> str:
    """The page as HTML."""
    if not (folder / MARK).is_file():
        raise IsganError(f"{folder} is not a folder of results: give one that `isgan table` or `isgan figures` wrote")
    results = Results(folder)
    paper = tomllib.loads((HERE / "paper.toml").read_text(encoding="utf-8"))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals |= {"db": decibels, "ratio": ratio}
    template = environment.from_string((HERE / "report.html").read_text(encoding="utf-8"))
    return template.render(
        version=__version__,
        folder=folder.resolve().name,
        ends=ENDS,
        controls=CONTROLS,
        table4=_table4(results, paper["table4"]),
        table5=_table5(results, paper["table5"]),
        table6=_table6(results, paper["table6"]),
        figures=_figures(results),
        curves=_curves(results),
    )


# ---------------------------------------------------------------------- numbers as the page shows them


def decibels(value: float) -> str:
    """Two decimals, and no negative zero; "exact" from 80 dB on."""
    return "exact" if value >= EXACT else f"{round(value, 2) + 0.0:.2f}"


def ratio(value: float) -> str:
    """Four decimals: SSIM."""
    return f"{round(value, 4) + 0.0:.4f}"


def share(value: float) -> str:
    """Three decimals: accuracy, P_E, AUC."""
    return f"{value:.3f}"


class Estimate(NamedTuple):
    """A mean and half the width of its 95 % interval."""

    mean: float
    interval: float

    def __str__(self) -> str:
        return f"{share(self.mean)} ± {share(self.interval)}"


def _number(table: str, row: Mapping[str, str], column: str) -> float:
    try:
        return float(row[column])
    except (KeyError, ValueError) as error:
        raise IsganError(
            f"{table}.csv has no number in column '{column}' of a row: delete it, and run its command again"
        ) from error


def _numbers(table: str, row: Mapping[str, str], columns: Iterable[str]) -> dict[str, float]:
    return {column: _number(table, row, column) for column in columns}


def _text(table: str, row: Mapping[str, str], *columns: str) -> tuple[str, ...]:
    if missing := [column for column in columns if column not in row]:
        raise IsganError(f"{table}.csv has no column '{missing[0]}': delete it, and run its command again")
    return tuple(row[column] for column in columns)


def _command(results: Results, name: str, rows: Sequence[Mapping[str, str]], options: Mapping[str, str]) -> str:
    """The command of a part; `options` are the columns whose values it repeats, by the option's name."""
    first = rows[0] if rows else {}
    known = [
        f" --{option} {first[column]}" for option, column in options.items() if first.get(column, "") not in ("", "0.0")
    ]
    return f"isgan {name} --data FOLDER... -o {shlex.quote(results.folder.name)}" + "".join(known)


# ---------------------------------------------------------------------- Table 4


def _table4(results: Results, paper: list[dict[str, Any]]) -> dict[str, Any]:
    rows = results.rows("table4")
    sets: dict[str, dict[str, Any]] = {}
    for row in rows:
        set_name, loss = _text("table4", row, "set", "loss")
        columns = [f"{end}_{measure}{what}" for end in ENDS for measure in ("psnr", "ssim") for what in ("", "_sd")]
        sets.setdefault(set_name, {})[loss] = _numbers("table4", row, [*columns, "pairs", "steps", "minutes", "side"])
    printed = {row["loss"]: row for row in paper}
    views = [
        {
            "name": name,
            "losses": losses,
            "best": _best(losses.values()),
            "sentences": order(name, losses, list(printed)),
        }
        for name, losses in sets.items()
    ]
    starts = sorted({row["initial"] for row in rows if row.get("initial")})
    options = {"initial": "initial", "side": "side"}
    return {"command": _command(results, "table 4", rows, options), "paper": printed, "sets": views, "starts": starts}


def _best(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    known = list(rows)
    return {
        f"{end}_{measure}": max(row[f"{end}_{measure}"] for row in known)
        for end in ENDS
        for measure in ("psnr", "ssim")
    }


def order(set_name: str, losses: Mapping[str, Mapping[str, float]], wanted: Sequence[str]) -> list[str]:
    """Does the paper's order hold - that of all losses the mixed one has the best SSIM, of stego image and secret?

    Args:
        set_name: of the test photographs.
        losses: `stego_ssim` and `secret_ssim` by loss.
        wanted: the paper's losses.
    """
    if missing := [loss for loss in wanted if loss not in losses]:
        return [f"Whether the paper's order holds on {set_name} is not known yet: {', '.join(missing)} not measured."]
    held, said = [], []
    for end, name in ENDS.items():
        key = f"{end}_ssim"
        other = max((loss for loss in wanted if loss != MIXED), key=lambda loss: losses[loss][key])
        if losses[MIXED][key] > losses[other][key]:
            held.append(name)
        said.append(f"{name} {ratio(losses[MIXED][key])}, the best of the others {ratio(losses[other][key])} ({other})")
    holds = "holds" if held else "does not hold"
    only = f" only for the {held[0]}" if len(held) == 1 else ""
    return [
        f"The paper's order, that the mixed loss {MIXED} has the best SSIM of stego image and secret, {holds} on "
        f"{set_name}{only}: {'; '.join(said)}.",
        "There is one training run per loss: a small difference may be chance.",
    ]


# ---------------------------------------------------------------------- Table 5


def _table5(results: Results, paper: list[dict[str, Any]]) -> dict[str, Any]:
    rows = results.rows("table5")
    printed: dict[tuple[str, ...], dict[str, Any]] = {
        (row["model"], row["covers"], row["secrets"]): row for row in paper
    }
    groups = []
    worst: tuple[float, str] = (0.0, "")
    for sets, group in groupby(rows, key=lambda row: _text("table5", row, "covers", "secrets")):
        models = []
        for row in group:
            name, status = _text("table5", row, "model", "status")
            view: dict[str, Any] = {
                "name": name,
                "status": status,
                "fingerprint": row.get("fingerprint", ""),
                "training": row.get("training", ""),
                "paper": printed.get((name, *sets), {}),
                "ends": {},
            }
            if status == "measured":
                view |= _numbers("table5", row, ("pairs", "side"))
                for end in ENDS:
                    for measure in ("psnr", "ssim"):
                        view["ends"][f"{end}_{measure}"] = cell = _saving(row, f"{end}_{measure}")
                        if measure == "psnr":
                            where = f"the {ENDS[end]} of {name} on {sets[0]} with secrets of {sets[1]}"
                            both = f"{decibels(cell['float'])} as a float, {decibels(cell['mean'])} as a file"
                            worst = max(worst, (cell["lost"], f"{where}, {cell['lost']:.2f} dB ({both})"))
            models.append(view)
        groups.append({"covers": sets[0], "secrets": sets[1], "models": models})
    measured = [row for row in rows if row["status"] == "measured"]
    most = (
        f"Saving as an 8-bit file costs most at {worst[1]}."
        if worst[1]
        else "Saving as an 8-bit file costs nothing anywhere."
    )
    return {
        "command": _command(results, "table 5", measured, {"side": "side"}),
        "groups": groups,
        "sentences": [most] if measured else [],
    }


def _saving(row: Mapping[str, str], column: str) -> dict[str, float]:
    """8-bit mean, deviation and worst, the float mean, and what is lost between them."""
    values = _numbers("table5", row, (column, f"{column}_sd", f"{column}_worst", f"float_{column}"))
    mean, deviation, worst, unsaved = values.values()
    return {"mean": mean, "sd": deviation, "worst": worst, "float": unsaved, "lost": unsaved - mean}


# ---------------------------------------------------------------------- Table 6


@dataclass(frozen=True)
class Detection:
    """How well a model's stego images are recognised."""

    p_e: Estimate
    auc: Estimate


def _table6(results: Results, paper: list[dict[str, Any]]) -> dict[str, Any]:
    rows = results.rows("table6")
    printed = {row["set"]: {key: value for key, value in row.items() if key != "set"} for row in paper}
    groups: dict[tuple[str, ...], list[dict[str, str]]] = {}  # a later run puts its rows after those of all sets
    for row in rows:
        groups.setdefault(_text("table6", row, "set", "steganalyzer"), []).append(row)
    sets = []
    for (set_name, _), group in groups.items():
        tests: dict[str, list[dict[str, Any]]] = {}
        found: dict[tuple[str, str], Detection] = {}
        setting: dict[str, str] = {}
        seen: list[str] = []
        for row in group:
            test, tested_on, status = _text("table6", row, "test", "tested_on", "status")
            view: dict[str, Any] = {"trained_on": row.get("trained_on", ""), "tested_on": tested_on, "status": status}
            if status == "measured":
                setting = setting or dict(row)
                for measure in ("accuracy", "p_e", "auc"):
                    view[measure] = Estimate(*_numbers("table6", row, (measure, f"{measure}_interval")).values())
                view |= _numbers("table6", row, ("splits", "train_pairs", "test_pairs"))
                found[test, tested_on] = Detection(view["p_e"], view["auc"])
                if row.get("seen") == "yes" and tested_on not in seen:
                    seen.append(tested_on)
            view["paper"] = _printed(printed.get(set_name, {}), tested_on) if test == "printed" else ""
            tests.setdefault(test, []).append(view)
        ordered = [test for test in (*TESTS, *tests) if test in tests]
        sentences = verdicts(set_name, found)
        if seen:
            sentences.append(f"Trained on photographs of the clean and retrained tests as well: {', '.join(seen)}.")
        sets.append(
            {
                "name": set_name,
                "setting": setting,
                "sentences": sentences,
                "tests": {test: {"what": TESTS.get(test, ""), "rows": tests[test]} for test in ordered},
            }
        )
    measured = [row for row in rows if row.get("status") == "measured"]
    options = {"steganalyzer": "steganalyzer", "budget": "minutes", "splits": "splits", "side": "side"}
    return {"command": _command(results, "table 6", measured, options), "sets": sets}


def _printed(accuracies: Mapping[str, float], model: str) -> str:
    """The paper's accuracy for a model: one, or for isgan those after 50, 100 and 150 epochs."""
    return " / ".join(
        ratio(value) for name, value in accuracies.items() if name == model or name.startswith(f"{model}_")
    )


def verdicts(set_name: str, found: Mapping[tuple[str, str], Detection]) -> list[str]:
    """What the detections say: whether the test itself is right, and if so, whether adversarial training hides from
    detectors.

    Args:
        set_name: of the photographs.
        found: by test and model tested on.
    """
    lsb, same = (found.get(("control", name)) for name in CONTROLS)
    if lsb is None or same is None:
        return [f"On {set_name} the controls are not measured: nothing can be concluded."]
    if not all(abs(score.mean - 0.5) <= max(LEAK, score.interval) for score in (same.p_e, same.auc)):
        return [
            f"On {set_name} the test leaks: it tells covers from other covers (P_E {same.p_e}, AUC {same.auc}, both should be .5). "
            "Nothing can be concluded."
        ]
    if lsb.p_e.mean + lsb.p_e.interval < WEAK:
        right = (f"On {set_name} the controls are right: LSB matching is found (P_E {lsb.p_e}), "
                 f"covers are not told from other covers (P_E {same.p_e}).")  # fmt: skip
    else:
        right = (
            f"On {set_name} the detector is too weak for a quiet method: it does not find LSB matching (P_E {lsb.p_e}, .5 is "
            "guessing). What it finds below is found; what it misses proves nothing."
        )
    compared = [_compared(test, found, ADVERSARIAL, BASIC) for test in TESTS if test != "control"]
    compared += [_compared(test, found, ADVERSARIAL, AGAIN) for test in ("clean", "printed") if (test, AGAIN) in found]
    trained = [name for test, name in found if test == "retrained" and name.endswith(SUFFIX)]
    compared += [
        _compared(test, found, name, name.removesuffix(SUFFIX))
        for name in trained
        for test in TESTS
        if test != "control"
    ]
    return [right, *compared]


def _compared(test: str, found: Mapping[tuple[str, str], Detection], model: str, other: str) -> str:
    """Is an adversarially trained model detected less than another one, by more than the intervals?"""
    where = f"In the {test} test"
    if missing := [name for name in (model, other) if (test, name) not in found]:
        return f"{where} {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not measured: nothing is known."
    ours, theirs = found[test, model].p_e, found[test, other].p_e
    numbers = f"P_E {ours} against {theirs}"
    if ours.mean - ours.interval > theirs.mean + theirs.interval:
        said = f"{where} {model} is detected less than {other}, by more than the intervals: {numbers}."
    elif ours.mean + ours.interval < theirs.mean - theirs.interval:
        said = f"{where} {model} is detected more than {other}, by more than the intervals: {numbers}."
    else:
        said = f"{where} {model} is not detected less than {other}: {numbers}, a difference within the intervals."
    if other == AGAIN:
        said += f" {AGAIN} is the basic model trained anew, as unknown to the detector as {model}: the fairer comparison of the two."
    return said


# ---------------------------------------------------------------------- pictures


@dataclass(frozen=True)
class Picture:
    """An embedded PNG."""

    uri: str
    width: int
    height: int
    scaled: bool


def _figures(results: Results) -> dict[str, Any]:
    rows = results.rows("figures")
    columns = ("file", "figure", "set", "models", "absent", "pairs", "side")
    found: list[dict[str, Any]] = []
    for row in rows:
        view = dict(zip(columns, _text("figures", row, *columns), strict=True))
        path = results.folder / curves.FIGURES / Path(view["file"]).name
        if path.is_file():
            secret = view["figure"] == "7"
            what = (
                "the secrets and what is revealed of them"
                if secret
                else "covers, stego images, secrets and what is revealed"
            )
            found.append({**view, "what": what, "file": path.relative_to(results.folder), "picture": _embedded(path)})
    found.sort(key=lambda item: item["figure"] or "9")
    drawn = {(item["figure"], item["set"]) for item in found}
    wanted = [(number, name) for number, name in (("4", "lfw"), ("5", "voc"), ("6", "imagenet"))]
    missing = [f"Figure {number} ({name})" for number, name in wanted if (number, name) not in drawn]
    missing += [] if any(number == "7" for number, _ in drawn) else ["Figure 7"]
    return {
        "command": _command(results, "figures", rows, {"side": "side", "limit": "pairs"}),
        "found": found,
        "missing": missing,
    }


def _curves(results: Results) -> dict[str, Any]:
    path = results.folder / curves.FIGURES / curves.PICTURE
    last = {name: {"loss": math.nan, **rows[-1]} for name, rows in curves.copied(results).items()}
    return {"command": _command(results, "figures", [], {}) + " --run FOLDER...", "runs": last,
            "picture": _embedded(path) if path.is_file() else None}  # fmt: skip


def _embedded(path: Path) -> Picture:
    """A picture for the page, scaled down to `WIDEST`: the page never shows it larger."""
    image = Image.fromarray(read_rgb(path))
    scaled = image.width > WIDEST
    if scaled:
        image = image.resize((WIDEST, round(image.height * WIDEST / image.width)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return Picture(
        f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}", image.width, image.height, scaled
    )

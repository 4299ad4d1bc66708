"""What a training run is made of. Recipes are TOML files; `[hider]`, `[loss]` and `[steganalyzer]` name a part and hold
its arguments; `[steganalyzer]` may name several.
"""

import dataclasses
import inspect
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from isgan.errors import IsganError
from isgan.registry import unknown

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
PRECISIONS = get_args(Precision)
GameOptimizer = Literal["sgd", "adam"]
PART = Mapping[str, Any]
# Crops leave room for SSIM's window after up to three rows are cut off; every other number is at least 0.
LEAST = {"crop": 16, "batch": 1, "validation": 1, "validate_every": 1, "save_every": 1, "every": 1}
BELOW = {"hold": 1, "beta1": 1, "beta2": 1, "momentum": 1, "smoothing": 1, "soft": 1, "flip": 1}


@dataclass(frozen=True)
class Photos:
    """[photos]: what a batch is cut from."""

    side: int = 0
    """Photographs are cut to their centre square and scaled to this side; 0 keeps them as they are."""
    crop: int = 64
    """Side of the random crops."""
    batch: int = 8
    """Pairs in a batch."""
    late: float = 1.0
    """Share of the run after which crops and batches are `late_crop` and `late_batch`: cheap small crops first, then
    ones that all scales of MS-SSIM fit.
    """
    late_crop: int = 0
    """Side of these crops; 0 for `crop`."""
    late_batch: int = 0
    """Pairs in these batches; 0 for `batch`."""
    balance: bool = True
    """Every --data folder is seen equally often."""
    ragged: bool = True
    """Cut up to three rows and columns off every second batch."""
    share: float = 1.0
    """Share of the training photographs that is used; the rest stays unseen, for steganalyzers to learn on."""
    validation: int = 20
    """Fixed validation pairs of each folder."""


@dataclass(frozen=True)
class Optimizer:
    """[optimizer]: Adam."""

    lr: float = 1e-3
    """Learning rate at its highest."""
    beta1: float = 0.9
    """Decay of the first moment."""
    beta2: float = 0.999
    """Decay of the second moment."""
    weight_decay: float = 0.0
    """L2 regularisation, added to the gradient (paper: used; the authors' 5e-3 shrinks everything)."""
    clip: float = 1.0
    """Bound on the gradient's norm; 0 for none."""
    freeze_norm: bool = False
    """Train with BatchNorm's running statistics, as in use, and leave them as they are: those of a small batch are noise.
    For networks that were trained before.
    """


@dataclass(frozen=True)
class Adversarial:
    """[adversarial]: how each steganalyzer of [steganalyzer] plays against the hider (eq. 3-4), the paper's tricks by
    name.
    """

    weight: float = 0.005
    """Weight of the hider's adversarial term (paper: silent; authors: 1, which dwarfs all other terms)."""
    start: int = 0
    """Steps before the term counts; the steganalyzer learns from the first."""
    ramp: int = 1_000
    """Steps over which the weight then rises."""
    flipped: bool = True
    """The hider is trained with flipped labels (stego images called covers); without, eq. 3 as it stands."""
    optimizer: GameOptimizer = "sgd"
    """The steganalyzer's optimizer (paper: sgd)."""
    lr: float = 1e-3
    """Its learning rate (authors: 3.3e-5)."""
    momentum: float = 0.9
    """Of sgd."""
    weight_decay: float = 0.0
    """L2 regularisation."""
    every: int = 1
    """The steganalyzer learns once in so many steps (authors: 5)."""
    smoothing: float = 0.1
    """Covers are labelled 1 - smoothing: one-sided label smoothing (authors: 0, with soft = .2)."""
    soft: float = 0.0
    """Labels are scattered at random: covers' by up to this much either way (never above 1), stego images' from 0 up to
    it.
    """
    flip: float = 0.0
    """Share of the steganalyzer's labels that are exchanged."""
    pool: int = 0
    """Past stego images that are kept and shown again (authors: 50)."""


@dataclass(frozen=True)
class Schedule:
    """[schedule]: how long, and what changes on the way. Of steps and minutes whichever is reached first ends the run."""

    steps: int = 10_000
    """Optimizer steps; 0 for no bound."""
    minutes: float = 0.0
    """Minutes of training; 0 for no bound. A run bounded by minutes is resumable, but not to the same weights."""
    warmup: int = 200
    """Steps over which the learning rate rises."""
    hold: float = 0.0
    """Share of the run before the learning rate falls (paper: 20 of 150 epochs)."""
    final: float = 0.0
    """What the cosine leaves of the learning rate at the end, as a fraction."""
    ema: float = 0.999
    """Decay of the averaged weights that are validated and kept; 0 for none."""
    validate_every: int = 1_000
    """Steps between validations."""
    validations: int = 0
    """So many validations, spread evenly over the run, instead; 0 for none of these."""
    save_every: int = 500
    """Steps between checkpoints."""


@dataclass(frozen=True)
class Recipe:
    """A whole training run, apart from the photographs."""

    hider: PART
    """name, and the arguments of that hider."""
    loss: PART
    """name, and the arguments of that loss."""
    steganalyzer: PART = field(default_factory=dict)
    """name, and the arguments of the steganalyzer to train against; a list of names for several at once, an ensemble
    with the same arguments; none for the paper's basic model.
    """
    adversarial: Adversarial = field(default_factory=Adversarial)
    photos: Photos = field(default_factory=Photos)
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    seed: int = 0
    """Decides first weights, pairs and crops."""
    precision: Precision = "32-true"
    """Lightning Fabric's name for it: 32-true, bf16-mixed, 16-mixed."""

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise IsganError(f"precision '{self.precision}' is none of {', '.join(PRECISIONS)}")
        if not (self.schedule.steps > 0 or self.schedule.minutes > 0):
            raise IsganError("the recipe never ends: set schedule.steps or schedule.minutes")
        if self.adversarial.optimizer not in get_args(GameOptimizer):
            raise unknown("optimizer", self.adversarial.optimizer, list(get_args(GameOptimizer)))
        for section in (self.photos, self.adversarial, self.optimizer, self.schedule):
            for key, value in dataclasses.asdict(section).items():
                if not isinstance(value, str) and not LEAST.get(key, 0) <= value < BELOW.get(key, math.inf):
                    below = f" and below {BELOW[key]}" if key in BELOW else ""
                    raise IsganError(f"{key} = {value} is out of bounds: at least {LEAST.get(key, 0)}{below}")
        if not 0 <= self.seed < 2**63:
            raise IsganError(f"seed = {self.seed} is out of bounds: at least 0")

    @property
    def steganalyzers(self) -> list[PART]:
        """`steganalyzer` as a table for each of its names."""
        names = self.steganalyzer.get("name", [])
        return [{**self.steganalyzer, "name": name} for name in ([names] if isinstance(names, str) else names)]

    def to_dict(self) -> dict[str, Any]:
        """Plain tables, as in the TOML file."""
        unused = () if self.steganalyzer else ("steganalyzer", "adversarial")
        return {key: value for key, value in dataclasses.asdict(self).items() if key not in unused}


def read_recipe(path: Path, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe of a TOML file; `overrides` are tables of the same form that win over the file. Unknown keys are
    errors.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise IsganError(f"cannot read recipe {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise IsganError(f"{path} is not a TOML recipe: {error}") from error
    for section, values in (overrides or {}).items():
        if isinstance(values, Mapping):
            values = {**_table(tables.get(section, {}), f"recipe.{section}"), **values}
        tables[section] = values
    return recipe_from(tables)


def recipe_from(tables: Mapping[str, Any]) -> Recipe:
    """A recipe from plain tables, strictly: unknown keys and wrong types are errors."""
    return _build(Recipe, tables, "recipe")


def parse_value(text: str) -> Any:
    """A value from the command line, read as TOML where it is TOML ("0.1", "true", "[1, 2]") and as a string where not."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _build(cls: type, tables: Mapping[str, Any], where: str) -> Any:
    fields = {f.name: f for f in dataclasses.fields(cls)}
    values = {}
    for key, value in tables.items():
        if key not in fields:
            raise unknown(f"{where} key", key, sorted(fields))
        kind = fields[key].type
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            value = _build(kind, _table(value, f"{where}.{key}"), f"{where}.{key}")
        elif kind == PART:
            name = _table(value, f"{where}.{key}").get("name")
            names = name if key == "steganalyzer" and isinstance(name, list) else [name]
            if not names or not all(isinstance(name, str) for name in names):
                raise IsganError(f"{where}.{key} needs a name")
        values[key] = _typed(value, kind, f"{where}.{key}")
    missing = [
        f.name
        for f in fields.values()
        if f.default is f.default_factory is dataclasses.MISSING and f.name not in values
    ]
    if missing:
        raise IsganError(f"the {where} has no [{missing[0]}]")
    return cls(**values)


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise IsganError(f"{where} = {value!r} is not a table")
    return value


def build_part(registry: Any, table: Mapping[str, Any]) -> Any:
    """The part that a [hider], [loss] or [steganalyzer] table names, built with the table's other keys."""
    arguments = {key: value for key, value in table.items() if key != "name"}
    part = registry[table["name"]]
    known = inspect.signature(part, eval_str=True).parameters
    for key, value in arguments.items():
        if key not in known:
            raise unknown(f"argument of {registry.kind} '{table['name']}'", key, list(known))
        arguments[key] = _typed(value, known[key].annotation, key)
    return part(**arguments)


def _typed(value: Any, kind: Any, where: str) -> Any:
    """The value, which has to be of its type; a whole number will do where a float is wanted."""
    if kind is float and type(value) is int:
        return float(value)
    if kind in (int, float, bool, str) and type(value) is not kind:
        raise IsganError(f"{where} = {value!r} is not {'an' if kind is int else 'a'} {kind.__name__}")
    return value

"""`benchmarks/ablation.py`: every variant is a run that can be trained, and phases follow each other."""

import csv
import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from test_training import equal, photograph

from isgan.hiders import hiders
from isgan.losses import losses
from isgan.training.recipe import build_part

SPEC = importlib.util.spec_from_file_location("ablation", Path(__file__).parents[1] / "benchmarks" / "ablation.py")
ablation = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(ablation)
PHASES = {name: (recipe, (phases,) if isinstance(phases, str) else phases)
          for recipe, group in ablation.VARIANTS.items() for name, phases in group.items()}  # fmt: skip


def test_every_variant_is_another_run():
    assert len(PHASES) == sum(map(len, ablation.VARIANTS.values()))
    plans = []
    for recipe, phases in PHASES.values():
        plan = [ablation.plan_of(recipe, options, 100) for options in phases]
        for phase in plan:
            build_part(hiders, phase.hider), build_part(losses, phase.loss)
        assert len({str(phase.hider) for phase in plan}) == 1  # or the weights of the first would not fit
        assert plan not in plans
        plans.append(plan)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    for split, seeds in (("train", range(8)), ("val", (100, 101))):
        (tmp_path / "soft" / split).mkdir(parents=True)
        for seed in seeds:
            Image.fromarray(photograph(seed, 196, 200)).save(tmp_path / "soft" / split / f"{seed}.png")
    return tmp_path / "soft"


def test_phases_share_the_time_and_the_second_starts_from_the_first(tmp_path, photographs, monkeypatch):
    """A clock that ticks once for each time it is asked: of a second, one phase has all steps and two have half of them each."""
    clock = iter(range(1000))
    monkeypatch.setattr(ablation, "time", SimpleNamespace(process_time=lambda: next(clock)))
    monkeypatch.setattr(ablation, "SECONDS", 4)
    monkeypatch.setattr(ablation, "WARMING", 0)
    monkeypatch.setattr(ablation, "PROBED", 1)
    small = "--hider.hidden 8 --hider.stages 1 --hider.blocks 0"
    second = f"{small} --schedule.warmup 0 --photos.crop 192 --photos.batch 1"
    monkeypatch.setattr(ablation, "VARIANTS", {"ablation": {"one": small, "two": (f"{small} --schedule.final 1", second)}})
    runs, trained = [], []

    class Spy(ablation.Trainer):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.first = {name: tensor.clone() for name, tensor in self.hider.state_dict().items()}
            if self.folder.name == "run":
                runs.append(self)

        def fit(self):
            super().fit()
            trained.append({name: tensor.clone() for name, tensor in self.kept().state_dict().items()})

    monkeypatch.setattr(ablation, "Trainer", Spy)
    monkeypatch.setattr(sys, "argv", ["ablation.py", str(tmp_path / "out.csv"), str(photographs)])
    ablation.main()

    _, first, then = runs
    assert [run.recipe.schedule.steps for run in runs] == [4, 2, 2]
    assert [run.recipe.photos.crop for run in runs] == [96, 96, 192] and first.recipe.schedule.final == 1 > then.recipe.schedule.final
    assert equal(then.first, trained[1]) and not equal(first.first, trained[1])
    assert (first.recipe.seed, then.recipe.seed) == (0, 1)
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["variant"], row["options"], row["step"], row["set"]) for row in rows] == [
        ("one", small, "4", "soft"),
        ("two", f"{small} --schedule.final 1, then {second}", "4", "soft"),
    ]
    assert f"| two | `{small} --schedule.final 1, then {second}` | 4 |" in (tmp_path / "out.md").read_text()
    ablation.main()  # nothing is left to do
    assert len(runs) == 3

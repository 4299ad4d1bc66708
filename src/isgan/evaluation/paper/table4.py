"""Table 4: the paper's basic model, trained with each of five losses for the same time, on the same photographs."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from isgan import models
from isgan.datasets.base import open_sets
from isgan.datasets.photographs import pairs_of
from isgan.errors import IsganError
from isgan.evaluation.paper.table5 import means, measured
from isgan.evaluation.results import Counting, Results, uncounted
from isgan.training.loop import CHECKPOINT
from isgan.training.recipe import Recipe, recipe_from
from isgan.training.run import run as train
from isgan.training.watcher import Watcher

# Eq. 5, 8-12 with the paper's weights, by the paper's names.
LOSSES: dict[str, dict[str, Any]] = {
    "mse": {"name": "mse"},
    "ssim": {"name": "mixed", "alpha": 1.0, "beta": 0.0},
    "mse+ssim": {"name": "mixed", "alpha": 1.0},
    "mse+ms-ssim": {"name": "mixed", "alpha": 0.0},
    "mse+ssim+ms-ssim": {"name": "mixed"},
}
IMAGES, TABLE = "table4-images", "table4"


def basic(schedule: Mapping[str, Any], photos: Mapping[str, Any], trained: bool = False) -> Recipe:
    """The paper's networks without a steganalyzer, for a CPU; `schedule` and `photos` say how long and on what.

    Weights that were `trained` before go on with their BatchNorm statistics held: those of batches so small would first
    take from 1 to 11 dB away.
    """
    return recipe_from(
        {
            "hider": {"name": "isgan", "residual": 0.1},
            "loss": LOSSES["mse+ssim+ms-ssim"],
            "photos": {"crop": 48, "batch": 4, "ragged": False, "share": 0.5, **photos},
            "optimizer": {"freeze_norm": trained},
            "schedule": schedule,
            "precision": "bf16-mixed",
        }
    )


def run(
    results: Results,
    data: list[Path],
    plan: Recipe,
    *,
    initial: str | None = None,
    side: int = 256,
    limit: int | None = None,
    threads: int | None = None,
    on_row: Callable[[Mapping[str, Any]], None] = lambda _: None,
    counting: Counting = uncounted,
    watcher: Callable[[], AbstractContextManager[Watcher]] = lambda: nullcontext(Watcher()),
) -> list[dict[str, Any]]:
    """Trains and measures what is missing in the results; a run that was stopped goes on. Writes `table4.csv`: one row
    per loss.

    Args:
        results: also holds the runs, in runs/table4-LOSS.
        data: folders of photographs; trained on all, measured on the test photographs of each.
        plan: the recipe, whose loss is exchanged.
        initial: model (name or file) from whose weights all five go on; without, from the same random ones.
        side: of the test images; the paper's 256.
        limit: at most so many test pairs of each set.
        threads: CPU threads.
        on_row: called with each row of the table when it is known.
        counting, watcher: show how far it is; `watcher` makes one for each run.
    """
    sets = open_sets(data)
    origin = models.fingerprint(initial) if initial else ""
    table = []
    for name, loss in LOSSES.items():
        folder = results.folder / "runs" / f"table4-{name}"
        model = folder / "weights.safetensors"
        recipe = replace(plan, loss=loss)
        if not (folder / "done").exists():
            with watcher() as told:
                train(
                    recipe,
                    data,
                    folder,
                    initial=initial,
                    resume=(folder / CHECKPOINT).exists(),
                    threads=threads,
                    watcher=told,
                )
            (folder / "done").touch()
        start, trained = [{}, *models.card(model)["runs"]][-2:]
        if recipe_from(trained["recipe"]) != recipe or start.get("fingerprint", "") != origin:
            message = f"{folder} was trained with another recipe, --initial or --budget"
            raise IsganError(f"{message}: choose another --output, or delete the folder")
        for set_name, source in sets.items():
            keys = {"loss": name, "set": set_name, "fingerprint": models.fingerprint(model), "side": side}
            rows = measured(results, IMAGES, keys, model, pairs_of(source, source, "test", side, limit), counting)
            length = {"steps": trained["steps"], "minutes": round(trained["hours"] * 60, 2)}
            table.append({**keys, "initial": initial or "", "pairs": len(rows), **length, **means(rows)})
            on_row(table[-1])
    results.merge(TABLE, table, ("set", "loss"))
    return table

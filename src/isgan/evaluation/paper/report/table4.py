"""Table 4 on the page: the losses, and whether the paper's order holds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from isgan.evaluation.paper.report.values import ENDS, command, numbers, ratio, text
from isgan.evaluation.results import Results

MIXED = "mse+ssim+ms-ssim"


def section(results: Results, paper: list[dict[str, Any]]) -> dict[str, Any]:
    """What report.html shows of `table4.csv`, with the paper's rows beside it."""
    rows = results.rows("table4")
    sets: dict[str, dict[str, Any]] = {}
    for row in rows:
        set_name, loss = text("table4", row, "set", "loss")
        columns = [f"{end}_{measure}{what}" for end in ENDS for measure in ("psnr", "ssim") for what in ("", "_sd")]
        sets.setdefault(set_name, {})[loss] = numbers("table4", row, [*columns, "pairs", "steps", "minutes", "side"])
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
    return {"command": command(results, "table 4", rows, options), "paper": printed, "sets": views, "starts": starts}


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

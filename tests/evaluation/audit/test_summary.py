"""Means, intervals, and the strongest detector; rows of other versions are left aside."""

import numpy as np
import pytest
from scipy import stats

from isgan.evaluation.audit.bench import MEASURES, VERSION
from isgan.evaluation.audit.summary import strongest, summarise
from isgan.metrics.security import share_interval


def row(detector: str, split: int, p_e: float, val: float, **others: object) -> dict[str, str]:
    made = {"protocol": VERSION, "kind": "png", "photographs": "p", "level": "S3", "subject": "mine", "trained_on": "mine", "leaked": 0,
            "source": "", "within": 0, "print": "1", "trained_print": "1", "detector": detector, "budget": 0.0, "split": split, "splits": 5,
            "val_p_e": val, "train_pairs": 64, "val_pairs": 16, "test_pairs": 20, "seconds": 1.0, "steps": 7,
            "device": "the CPU"} | dict.fromkeys(MEASURES, p_e) | others
    return {key: str(value) for key, value in made.items()}


def test_means_and_intervals():
    values = [0.1, 0.5, 0.3, 0.45, 0.2]
    (made,) = summarise([row("a", split, value, 0.2) for split, value in enumerate(values)], {"mine": {"1"}})
    assert (made["seconds"], made["steps"], made["device"]) == (5, 7, "the CPU")
    width = stats.t.ppf(0.975, 4) * np.std(values, ddof=1) / 5**0.5
    assert made["p_e"] == pytest.approx(0.31) and made["auc_interval"] == pytest.approx(width)
    assert made["p_e_interval"] == pytest.approx(max(width, share_interval(0.31, 200))) and made["tested_pairs"] == 100


def test_splits_that_agree_leave_open_what_so_many_files_do():
    (made,) = summarise([row("a", split, 0.0, 0.0) for split in range(5)], {"mine": {"1"}})
    assert made["p_e_interval"] == pytest.approx(share_interval(0.0, 200)) and made["p_e_interval"] > 0.01
    assert made["md5_interval"] == pytest.approx(share_interval(0.0, 100))  # of the stego images alone
    (made,) = summarise([row("a", split, 0.0, 0.0, source="b") for split in range(5)], {"mine": {"1"}})
    assert made["p_e_interval"] == pytest.approx(share_interval(0.0, 40)) and made["tested_pairs"] == 20


def test_no_interval_is_wider_than_shares_can_be_apart():
    """Student's of two splits is; and one split tells none."""
    (made,) = summarise([row("a", 0, 0.1, 0.1), row("a", 1, 0.5, 0.1)], {"mine": {"1"}})
    assert made["p_e_interval"] == made["auc_interval"] == pytest.approx(0.7)
    (made,) = summarise([row("a", 0, 0.4, 0.1)], {"mine": {"1"}})
    assert made["p_e_interval"] == made["auc_interval"] == pytest.approx(0.6)


def test_the_strongest_is_chosen_by_validation_and_never_by_what_is_tested():
    rows = [row("lucky", split, 0.1, 0.4) for split in range(5)] + [row("strong", split, 0.2, 0.3) for split in range(5)]
    table = summarise(rows, {"mine": {"1"}})
    assert [made["detector"] for made in strongest(table)] == ["strong"] and len(table) == 2


def test_rows_of_other_versions_are_left_aside():
    others: list[dict[str, object]] = [{"print": "2"}, {"trained_print": "2"}, {"protocol": 0}]
    rows = [row("a", 0, 0.1, 0.1), *(row("a", split, 0.9, 0.9, **other) for split, other in enumerate(others, 1))]
    (made,) = summarise(rows, {"mine": {"1"}})
    assert made["splits"] == 1 and made["p_e"] == 0.1

"""A folder of results: CSV files that grow by whole rows, and what is measured once is not measured again."""

from contextlib import contextmanager

import numpy as np
import pytest

from isgan.errors import IsganError
from isgan.evaluation.results import Results, spread


def test_results_grow_and_are_read_back(tmp_path):
    results = Results(tmp_path / "r")
    assert results.rows("t") == []
    results.add("t", {"a": 1, "b": 0.123456789, "c": float("inf")})
    results.add("t", {"a": 2, "b": 3.0, "c": 'x,"y'})
    again = Results(tmp_path / "r")
    assert again.rows("t") == [{"a": "1", "b": "0.12346", "c": "inf"}, {"a": "2", "b": "3.0", "c": 'x,"y'}]
    assert again.has("t", a=2) and again.has("t", a=1, b=0.123456789) and not again.has("t", a=1, c="x")
    again.write("t", [{"a": 1}, {"b": 2}])
    assert again.rows("t") == [{"a": "1", "b": ""}, {"a": "", "b": "2"}]


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_a_line_that_was_cut_off_is_measured_again(tmp_path, cut):
    results = Results(tmp_path)
    results.add("t", {"a": 1, "b": 22})
    results.add("t", {"a": 2, "b": 33})
    path = tmp_path / "t.csv"
    path.write_bytes(path.read_bytes()[:-cut])
    assert results.rows("t") == [{"a": "1", "b": "22"}]
    results.add("t", {"a": 3, "b": 44})
    assert results.rows("t") == [{"a": "1", "b": "22"}, {"a": "3", "b": "44"}]


def test_folders_that_are_no_results(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(IsganError, match="not a folder of results"):
        Results(tmp_path / "mine")
    Results(tmp_path / "old")
    (tmp_path / "old" / "VERSION").write_text("0\n")
    with pytest.raises(IsganError, match="version 0"):
        Results(tmp_path / "old")


def test_a_table_of_other_columns_is_named(tmp_path):
    results = Results(tmp_path / "results")
    (results.folder / "table5.csv").write_text("a,b\n1,2\n")
    with pytest.raises(IsganError, match=r"table5\.csv has other columns"):
        results.merge("table5", [{"covers": "lfw", "secrets": "lfw", "model": "isgan"}], ("covers", "secrets", "model"))


def test_a_row_of_other_columns_is_not_added(tmp_path):
    results = Results(tmp_path / "r")
    results.add("runs", {"a": 1, "b": 2})
    with pytest.raises(IsganError, match=r"runs\.csv has other columns than this version writes: delete it"):
        results.add("runs", {"a": 1, "c": 2})
    assert results.rows("runs") == [{"a": "1", "b": "2"}]


def test_rows_of_other_keys_stay(tmp_path):
    """And rows of one group stand together, in the order in which the groups came."""
    results = Results(tmp_path)
    results.merge("t", [{"set": "a", "model": "x", "v": 1}, {"set": "b", "model": "x", "v": 2}], ("set", "model"))
    results.merge("t", [{"set": "a", "model": "y", "v": 3}, {"set": "b", "model": "x", "v": 4}], ("set", "model"))
    assert [tuple(row.values()) for row in results.rows("t")] == [("a", "x", "1"), ("a", "y", "3"), ("b", "x", "4")]


def test_spread():
    found = spread([{"m": 1.0}, {"m": 3.0}, {"m": "8"}], ["m"])
    assert found == {"m": 4.0, "m_sd": pytest.approx(np.std([1, 3, 8])), "m_worst": 1.0}


def test_what_is_there_is_not_measured_again(tmp_path):
    """Rows of other keys do not count, pairs come in the order asked for, and progress is of what is missing."""
    results, measured, counted = Results(tmp_path), [], []

    @contextmanager
    def counting(what: str, total: int):
        counted.append((what, total))
        yield lambda: counted.append("one")

    def complete(pairs: str, **keys: object) -> list[dict[str, str]]:
        names = [(pair, pair.upper()) for pair in pairs]
        return results.completed("t", keys, names, lambda place: measured.append(pairs[place]) or {"v": len(measured)}, counting)

    assert [row["v"] for row in complete("ab", model="x", side=64)] == ["1", "2"]
    assert [row["v"] for row in complete("cba", model="x", side=64)] == ["3", "2", "1"] and measured == ["a", "b", "c"]
    assert [row["v"] for row in complete("a", model="x", side=80)] == ["4"]
    assert counted == [("x 64", 2), "one", "one", ("x 64", 1), "one", ("x 80", 1), "one"]
    assert results.rows("t")[0] == {"model": "x", "side": "64", "cover": "a", "secret": "A", "v": "1"}

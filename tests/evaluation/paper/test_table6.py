"""`isgan table 6`: the paper's three tests, models that are not there, and who had seen the photographs."""

import re
import shutil
from pathlib import Path

import pytest
from conftest import scene, stirred
from evaluation.spy import Spies
from PIL import Image

from isgan import models
from isgan.__main__ import main
from isgan.datasets.base import open_sets
from isgan.evaluation import security
from isgan.evaluation.paper import table6
from isgan.evaluation.results import Results
from isgan.evaluation.security import Plan
from isgan.hiders.wavelet import Wavelet


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data") / "lfw"
    for split, seeds in (("train", range(100)), ("test", range(200, 204))):
        (root / split).mkdir(parents=True)
        for seed in seeds:
            Image.fromarray(scene(64, 64, seed)).save(root / split / f"{seed:03}.png")
    return root


@pytest.fixture(scope="module")
def names(tmp_path_factory) -> dict[str, str]:
    """`basic`, trained on half of the set; `glutton`, on all of it; a method without weights."""
    found = {"lsb332": "lsb332"}
    for name, hidden, share in (("basic", 8, 0.5), ("glutton", 12, 1.0)):
        path = tmp_path_factory.mktemp("models") / f"{name}.safetensors"
        runs = [{"photographs": {"lfw": 110}, "recipe": {"photos": {"share": share}}}]
        models.save(stirred(Wavelet(blocks=1, hidden=hidden)), path, {"runs": runs})
        found[name] = str(path)
    return found


def test_the_papers_tests(data, names, tmp_path, monkeypatch):
    monkeypatch.setattr(security, "detectors", Spies())
    results, plan = Results(tmp_path / "r"), Plan(minutes=1.0, splits=2, limit=20, side=64)
    table = table6.run(results, open_sets([data]), plan, names | {"ghost": "nowhere"})
    rows = {(row["test"], row["tested_on"]): row for row in table}
    assert list(rows) == [
        ("control", "lsb-matching"), ("control", "cover"), *(("retrained", name) for name in names),
        *((test, name) for test in ("clean", "printed") for name in names),
        ("retrained", "ghost"), ("clean", "ghost"), ("printed", "ghost"),
    ]  # fmt: skip
    assert {key for key, row in rows.items() if row["status"] == "not trained"} == {(t, "ghost") for t in ("retrained", "clean", "printed")}
    assert all(rows[test, name]["trained_on"] == "basic" for test in ("clean", "printed") for name in names)
    assert {key for key, row in rows.items() if row.get("seen") == "yes"} == {(t, "glutton") for t in ("retrained", "clean", "printed")}
    runs = results.rows(security.RUNS)
    # The transfer test uses the detector of the retrained one; the printed test another, which learnt from other photographs.
    basic = {row["test"]: row for row in runs if row["tested_on"] == "basic" and row["split"] == "0"}
    assert basic["clean"]["auc"] == basic["retrained"]["auc"] != basic["printed"]["auc"]
    assert len(runs) == 2 * (2 + 3 + 3 + 3) and results.rows(table6.TABLE)[0]["test"] == "control"


def test_without_a_basic_model_there_is_no_transfer(data, tmp_path, monkeypatch):
    monkeypatch.setattr(security, "detectors", Spies())
    plan = Plan(minutes=1.0, splits=2, limit=20, side=64)
    table = table6.run(Results(tmp_path / "r"), open_sets([data]), plan, {"basic": "nowhere", "lsb332": "lsb332"})
    assert {(row["test"], row["tested_on"]): row["status"] for row in table if row["test"] != "control"} == {
        ("retrained", "basic"): "not trained", ("retrained", "lsb332"): "measured",
        **{(test, name): "not trained" for test in ("clean", "printed") for name in ("basic", "lsb332")},
    }  # fmt: skip


def test_who_was_trained_on_what():
    own = {"photographs": {"lfw": 10}, "recipe": {"photos": {"share": 0.5}}}
    assert table6.share({"runs": [own]}, "lfw") == 0.5 and table6.share({"runs": [own]}, "voc") == 0 and table6.share({}, "lfw") == 0
    assert table6.share({"runs": [{"photographs": {"lfw": 20, "voc": 1}, "recipe": {"photos": {}}}, own]}, "lfw") == 1
    assert table6.share(models.card("qim"), "lfw") == 1 and table6.share(models.card("isgan"), "lfw") == 0.5


def test_the_whole_way_and_again(data, tmp_path, model, capsys):
    line = ["table", "6", "--data", str(data), "-o", str(tmp_path / "r"), "--tiny", "--model", f"basic={model}", "lsb332"]
    assert main(line) == 0
    assert "| printed" in capsys.readouterr().out
    results = Results(tmp_path / "r")
    before = [{key: value for key, value in row.items() if key != "seconds"} for row in results.rows(security.RUNS)]
    assert len(before) == 2 * 8
    # Resumed: the last rows are made again, by the detectors that were kept.
    lines = (tmp_path / "r" / "table6-runs.csv").read_text().splitlines(keepends=True)
    (tmp_path / "r" / "table6-runs.csv").write_text("".join(lines[:-2]))
    assert main(line) == 0
    assert [{key: value for key, value in row.items() if key != "seconds"} for row in results.rows(security.RUNS)] == before


def test_features_beside_a_network(data, tmp_path):
    """An ensemble of features finds what a network of two steps does not; its rows are its own."""
    line = ["table", "6", "--data", str(data), "-o", str(tmp_path / "r"), "--tiny", "--model", "lsb332"]
    assert main(line) == 0 and main([*line, "--steganalyzer", "spam"]) == 0
    rows = Results(tmp_path / "r").rows(table6.TABLE)
    found = {row["steganalyzer"]: row for row in rows if row["test"] == "retrained"}
    assert found.keys() == {"xunet", "spam"} and float(found["spam"]["p_e"]) < 0.2 < float(found["xunet"]["p_e"])
    assert (found["spam"]["minutes"], found["spam"]["steps"]) == ("0.0", "0")
    kept = sorted((tmp_path / "r" / "features").rglob("*.npy"))
    assert len(kept) == 24 * 4  # covers; stego images of the method and of both controls, each once for all splits


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--model", "=x"], "NAME=FILE"),
        (["--side", "8"], "64"),
        (["--splits", "2"], "3"),
        (["--budget", "0"], "0"),
        (["--model", "cover=isgan", "--tiny"], "name of a control"),
    ],
)
def test_command_lines_that_are_refused(data, tmp_path, capsys, more, words):
    assert main(["table", "6", "--data", str(data), "-o", str(tmp_path / "r"), *more]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_too_few_photographs(data, tmp_path, capsys):
    for split in ("train", "test"):
        (tmp_path / "few" / split).mkdir(parents=True)
        for path in sorted((data / split).iterdir())[:4]:
            shutil.copy(path, tmp_path / "few" / split)
    assert main(["table", "6", "--data", str(tmp_path / "few"), "-o", str(tmp_path / "r"), "--tiny", "--model", "lsb332"]) == 2
    assert re.search(r"few has \d+ unseen photographs, the test needs 40", capsys.readouterr().err)

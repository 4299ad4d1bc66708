"""Cards: what is written is read back, and what is none is refused."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isgan.errors import IsganError
from isgan.models.card import read_card, to_toml, training

texts = st.text(st.characters(codec="utf-8"), max_size=4)
scalars = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), texts)
values = st.one_of(scalars, st.lists(scalars, max_size=3))
tables = st.recursive(
    st.dictionaries(texts, values, max_size=3),
    lambda below: st.dictionaries(texts, st.one_of(values, below, st.lists(below, min_size=1, max_size=3)), max_size=3),
    max_leaves=10,
)


@settings(deadline=None)
@given(tables)
def test_toml_is_read_back(table):
    assert tomllib.loads(to_toml(table)) == table


def test_a_list_of_tables_is_written_for_people():
    runs = [{"steps": 1, "recipe": {"hider": {"name": "x"}}}, {"steps": 2}]
    assert (
        to_toml({"scheme": "neural", "runs": runs, "scores": {"a test": {"pairs": 1}}})
        == """scheme = "neural"

[[runs]]
steps = 1

[runs.recipe.hider]
name = "x"

[[runs]]
steps = 2

[scores."a test"]
pairs = 1
"""
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot read the card"),
        ("scheme =", "is not TOML"),
        ("a = " + 100_000 * "[", "is not TOML"),
        (b"\xff", "is not TOML"),
        ("", "says no scheme, 'embedding' or 'neural'"),
        ("scheme = 'magic'", "says no scheme"),
        ("scheme = ['neural']", "says no scheme"),
        ("scheme = 'neural'\nruns = 3", "has no valid runs"),
        ("scheme = 'neural'\nruns = [3]", "has no valid runs"),
        ("scheme = 'neural'\nhider = 3", "has no valid hider"),
        ("scheme = 'neural'\nscores = 'good'", "has no valid scores"),
    ],
)
def test_what_is_no_card(tmp_path: Path, text, words):
    path = tmp_path / "a.toml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(IsganError, match=words) as caught:
        read_card(path)
    assert "\n" not in str(caught.value)


def test_training_is_that_of_all_runs():
    runs = [
        {"steps": 10, "hours": 0.5, "device": "cpu"},
        {"note": "rounded"},
        {"steps": 5, "hours": 1.0, "device": "cuda"},
    ]
    assert training({"runs": runs}) == "90 min, 15 steps, cpu, cuda"
    assert training({"runs": [{"steps": 3}]}) == training({}) == ""

"""Model files: what is saved comes back, and nothing else is believed."""

import hashlib
import json
import os
import re
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load, save

from isgan import models
from isgan.errors import IsganError
from isgan.hiders import hiders
from isgan.hiders.isgan import ISGAN
from isgan.hiders.wavelet import Wavelet
from isgan.schemes.base import Scheme
from isgan.training.recipe import recipe_from

CONFIG = {"blocks": 1, "hidden": 8, "clamp": 1.0}
METADATA = {"format": "1", "hider": "wavelet", "config": json.dumps(CONFIG)}


@pytest.fixture
def tensors(model) -> dict[str, torch.Tensor]:
    return load(model.read_bytes())


@pytest.fixture
def refused(tmp_path):
    """Loads a file made of these bytes, or tensors and metadata, and returns the one line that refuses it."""

    def check(content, metadata=METADATA) -> str:
        path = tmp_path / "made.safetensors"
        path.write_bytes(content if isinstance(content, bytes) else save(content, metadata))
        with pytest.raises(IsganError) as caught:
            models.hider(path)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return check


def test_what_is_saved_comes_back(model):
    hider = models.hider(model)
    stored = load(model.read_bytes())
    assert type(hider) is Wavelet and hider.config == CONFIG
    assert not hider.training and not any(parameter.requires_grad for parameter in hider.parameters())
    assert all(torch.equal(tensor, stored[name]) for name, tensor in hider.state_dict().items())


def test_batch_norm_statistics_come_back(tmp_path):
    hider = ISGAN(residual=0.1)
    hider.encoder[0][1].running_mean.fill_(3)
    hider.encoder[0][1].num_batches_tracked.fill_(7)
    models.save(hider, tmp_path / "isgan.safetensors", {})
    loaded = models.hider(tmp_path / "isgan.safetensors")
    assert loaded.residual == 0.1
    assert loaded.encoder[0][1].running_mean.eq(3).all() and loaded.encoder[0][1].num_batches_tracked == 7


def test_card_and_fingerprint(model):
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    parameters = sum(parameter.numel() for parameter in Wavelet(**CONFIG).parameters())
    known = {"scheme": "neural", "hider": "wavelet", "keyed": False, "parameters": parameters, "licence": "MIT"}
    assert models.card(model) == known | {"sha256": digest}
    assert models.fingerprint(model) == models.fingerprint(str(model)) == digest[:8]


def test_equal_weights_make_equal_files(tmp_path):
    hider = Wavelet(**CONFIG)
    for name in "abcdefgh":  # the order that safetensors gives metadata is random
        models.save(hider, tmp_path / f"{name}.safetensors", {})
    assert len({path.read_bytes() for path in tmp_path.glob("*.safetensors")}) == 1


@pytest.mark.parametrize("place", ["header", "tensors"])
def test_one_altered_byte(model, tmp_path, place):
    data = bytearray(model.read_bytes())
    data[20 if place == "header" else -1] ^= 1
    path = tmp_path / "small.safetensors"
    path.write_bytes(data)
    path.with_suffix(".toml").write_bytes(model.with_suffix(".toml").read_bytes())
    with pytest.raises(IsganError, match=r"not the file its card describes.*get the model again"):
        models.hider(path)


def test_an_altered_shipped_file_asks_to_reinstall(model, tmp_path, monkeypatch):
    monkeypatch.setattr(models, "FOLDER", tmp_path)
    (tmp_path / "small.safetensors").write_bytes(model.read_bytes() + b" ")
    (tmp_path / "small.toml").write_bytes(model.with_suffix(".toml").read_bytes())
    assert models.names() == ["small"]
    with pytest.raises(IsganError, match="reinstall isgan"):
        models.hider("small")


def test_a_file_that_is_named_by_its_path_needs_no_card(model, tmp_path, monkeypatch):
    path = tmp_path / "small.safetensors"
    path.write_bytes(model.read_bytes())
    assert models.card(path) == {"scheme": "neural", "hider": "wavelet"}
    assert isinstance(models.hider(path), Wavelet)
    monkeypatch.setattr(models, "FOLDER", tmp_path)
    assert models.names() == []
    with pytest.raises(IsganError, match="unknown model 'small'"):
        models.hider("small")


def test_a_shipped_card_whose_weights_are_gone(model, tmp_path, monkeypatch):
    (tmp_path / "small.toml").write_bytes(model.with_suffix(".toml").read_bytes())
    monkeypatch.setattr(models, "FOLDER", tmp_path)
    assert models.find("small") is None and models.card("small")["hider"] == "wavelet"
    with pytest.raises(IsganError, match="cannot read"):
        models.hider("small")


def test_a_card_of_another_hider(model, tmp_path):
    path = tmp_path / "small.safetensors"
    path.write_bytes(model.read_bytes())
    text = model.with_suffix(".toml").read_text()
    path.with_suffix(".toml").write_text(text.replace('hider = "wavelet"', 'hider = "isgan"'))
    with pytest.raises(IsganError, match="holds 'wavelet', its card describes 'isgan'"):
        models.hider(path)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_loaded_as_float32(tensors, tmp_path, dtype):
    path = tmp_path / "half.safetensors"
    path.write_bytes(save({name: tensor.to(dtype) for name, tensor in tensors.items()}, METADATA))
    for name, tensor in models.hider(path).state_dict().items():
        assert tensor.dtype == torch.float32 and torch.equal(tensor, tensors[name].to(dtype).float())


def test_saved_in_half(model, tmp_path):
    """Half the size, and what a file of float32 has, rounded."""
    whole = models.hider(model)
    models.save(whole, tmp_path / "half.safetensors", {}, half=True)
    assert (tmp_path / "half.safetensors").stat().st_size < 0.6 * model.stat().st_size
    for name, tensor in models.hider(tmp_path / "half.safetensors").state_dict().items():
        assert tensor.dtype == torch.float32 and torch.equal(tensor, whole.state_dict()[name].half().float())


@pytest.mark.parametrize("dtype", [torch.float64, torch.int64, torch.uint8])
def test_other_types_are_refused(tensors, refused, dtype):
    assert str(dtype) in refused({name: tensor.to(dtype) for name, tensor in tensors.items()})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite(tensors, refused, value):
    tensors["blocks.0.phi.first.bias"][3] = value
    assert "blocks.0.phi.first.bias" in refused(tensors) and "not finite" in refused(tensors)


def test_missing_unexpected_and_misshapen_tensors(tensors, refused):
    name = "blocks.0.phi.first.bias"
    bias = tensors.pop(name)
    assert f"lacks tensor '{name}'" in refused(tensors)
    assert "unexpected tensor 'more'" in refused(tensors | {name: bias, "more": bias.clone()})
    assert "expected (8,)" in refused(tensors | {name: bias[:-1].clone()})


@pytest.mark.parametrize(
    "change, words",
    [
        (None, "not saved by isgan"),
        ({"format": "2"}, "update isgan"),
        ({"more": "x"}, "not saved by isgan"),
        ({"hider": "wavelte"}, "did you mean 'wavelet'"),
        ({"hider": "lsb332"}, "hider 'lsb332' has no"),
        ({"config": "{"}, "not saved by isgan"),
        ({"config": "[" * 100_000}, "not saved by isgan"),
        ({"config": "[1, 8, 1.0]"}, "not saved by isgan"),
        ({"config": json.dumps(CONFIG | {"width": 3})}, "has no 'width'"),
        ({"config": json.dumps(CONFIG | {"blocks": "1"})}, "blocks = '1'"),
        ({"config": json.dumps(CONFIG | {"blocks": True})}, "blocks = True"),
        ({"config": json.dumps(CONFIG | {"blocks": 1.0})}, "blocks = 1.0"),
        ({"config": json.dumps(CONFIG | {"blocks": 10**9})}, "out of bounds"),
        ({"config": json.dumps(CONFIG | {"clamp": float("nan")})}, "out of bounds"),
    ],
)
def test_headers(tensors, refused, change, words):
    assert words in refused(tensors, METADATA | change if change else None)


def test_what_a_file_does_not_say_is_the_default(tensors, tmp_path):
    older = {key: value for key, value in CONFIG.items() if key != "clamp"}
    (tmp_path / "older.safetensors").write_bytes(save(tensors, METADATA | {"config": json.dumps(older)}))
    assert models.hider(tmp_path / "older.safetensors").config == CONFIG


def test_damaged_files(model, refused, monkeypatch):
    data = model.read_bytes()
    for damaged in (b"", b"PK\x03\x04 a pickle in a zip", data[:100], b"\xff" * 100, data[:8] + b"[]" + data[10:]):
        assert "not saved by isgan" in refused(damaged)
    assert "is damaged" in refused(data[:-1])
    monkeypatch.setattr(models, "MAX_BYTES", len(data) - 1)
    assert "not a model" in refused(data)


def test_names_that_are_no_model(tmp_path):
    for name, words in {
        "lsb333": "unknown model 'lsb333': did you mean 'lsb332'",
        "LICENSE": "unknown model 'LICENSE'",
        "no/such.safetensors": "no weights file 'no/such.safetensors'",
        "such.safetensors": "no weights file 'such.safetensors'",
        str(tmp_path): "no weights file",
    }.items():
        for function in (models.find, models.hider, models.card, models.fingerprint):
            with pytest.raises(IsganError, match=re.escape(words)):
                function(name)


def test_a_save_that_fails_leaves_the_old_files(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    models.save(Wavelet(**CONFIG), path, {})
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(IsganError, match="No space left"):
        models.save(Wavelet(**CONFIG), path, {})
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_what_cannot_be_saved(tmp_path):
    class Fork(Wavelet):
        pass

    with pytest.raises(IsganError, match="not a registered hider"):
        models.save(Fork(**CONFIG), tmp_path / "a.safetensors", {})
    with pytest.raises(IsganError, match=r"use .*a\.safetensors"):
        models.save(Wavelet(**CONFIG), tmp_path / "a.pt", {})
    assert not list(tmp_path.iterdir())


def test_runs_begin_with_those_of_the_weights_that_training_started_from(model, tmp_path):
    parent = tmp_path / "parent.safetensors"
    models.save(models.hider(model), parent, {"runs": [{"steps": 1}, {"steps": 2}], "licence": "MIT"})
    first, last = models.origin(parent)
    known = {
        "hider": "wavelet",
        "parameters": models.card(parent)["parameters"],
        "licence": "MIT",
        "sha256": models.card(parent)["sha256"],
    }
    assert first == {"steps": 1}
    assert last == {"model": "parent.safetensors", "fingerprint": models.fingerprint(parent), "steps": 2} | known
    assert [run["model"] for run in models.origin(model)] == ["small.safetensors"]


def test_scores_are_put_into_a_card(model, tmp_path):
    path = tmp_path / "small.safetensors"
    models.save(models.hider(model), path, {"scores": {"a test": {"pairs": 1}, "b test": {"pairs": 2}}})
    before = models.card(path)
    models.add_scores(path, {"b test": {"pairs": 3}, "c test": {"pairs": 4}})
    assert models.card(path) == before | {
        "scores": {"a test": {"pairs": 1}, "b test": {"pairs": 3}, "c test": {"pairs": 4}}
    }


# ---------------------------------------------------------------------- what is shipped

SHIPPED = models.names()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_is_what_its_card_says(name):
    card, scheme = models.card(name), models.load(name)
    assert isinstance(scheme, Scheme) and type(scheme).__name__.lower() == card["scheme"]
    assert scheme.keyed is card["keyed"] and isinstance(scheme.resizes, bool)
    if card["scheme"] == "neural":
        hider = models.hider(name)
        assert card["hider"] == hiders.name_of(type(hider))
        assert card["parameters"] == sum(parameter.numel() for parameter in hider.parameters())
        assert (models.find(name) is not None) == hider.trainable == ("sha256" in card)
        assert not hider.trainable or (card["licence"] and card["scores"] and card["runs"])


@pytest.mark.parametrize("name", ["isgan", "basic", "atique", "baluja"])
def test_the_papers_networks_are_small_and_their_cards_tell_every_run(name):
    assert models.find(name).stat().st_size < 4_000_000
    for run in models.card(name)["runs"]:
        assert run["steps"] > 0 and run["hours"] > 0 and run["device"] and run["photographs"]
        assert run["validation"].keys() == run["photographs"].keys()
        recipe_from(run["recipe"])


def test_fingerprints_differ():
    assert len({models.fingerprint(name) for name in SHIPPED}) == len(SHIPPED) > 5
    assert models.DEFAULT in SHIPPED and models.card(models.DEFAULT)["scheme"] == "embedding"
    with pytest.raises(IsganError, match="is no neural model"):
        models.hider(models.DEFAULT)


def test_fingerprints_do_not_depend_on_scores(tmp_path, monkeypatch):
    card = models.FOLDER / f"{models.DEFAULT}.toml"
    before = models.fingerprint(models.DEFAULT)
    (tmp_path / card.name).write_bytes(card.read_bytes())
    monkeypatch.setattr(models, "FOLDER", tmp_path)
    models.add_scores(models.DEFAULT, {"x test": {"pairs": 1}})
    assert models.card(models.DEFAULT)["scores"] and models.fingerprint(models.DEFAULT) == before


def test_embedding_models_need_no_torch():
    code = """
import sys
from isgan import models
assert all(name not in sys.modules for name in ("torch", "numba", "safetensors"))
[models.card(name) for name in models.names()]
assert "torch" not in sys.modules
sys.modules["torch"] = None
models.load(models.DEFAULT)
sys.exit("safetensors" in sys.modules)"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_neural_models_say_what_is_missing(monkeypatch):
    monkeypatch.setattr("isgan.errors.find_spec", lambda name: None if name == "torch" else True)
    with pytest.raises(IsganError, match=r"this needs torch: pip install 'isgan\[neural\]'"):
        models.load("wavelet")

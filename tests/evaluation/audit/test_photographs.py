"""Covers of one kind are together, others apart; no secret is a cover."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import scene
from PIL import Image

from isgan.datasets.photographs import Photo
from isgan.errors import IsganError
from isgan.evaluation.audit.photographs import JPEG, PAST, PNG, SCALED, _paths, gather


def names(material) -> tuple[set[str], set[str]]:
    return {cover.name for cover, _ in material.pairs}, {secret.name for _, secret in material.pairs}


def test_halves_of_one_folder_are_covers_and_secrets(folder_of):
    (material,) = gather([folder_of("halves", 44)], [], 64, None)
    covers, secrets = names(material)
    assert (material.kind, len(material.pairs), len(covers), len(secrets)) == (PNG, 22, 22, 22)
    assert not covers & secrets and set(material.sources) == {"halves"}


def test_secrets_of_a_folder_are_used_once_and_are_no_covers(folder_of):
    data = folder_of("hosts", 30)
    guests = folder_of("guests", 22, seed=500)
    (guests / "copy.png").write_bytes((data / "003.png").read_bytes())
    (material,) = gather([data], [guests], 64, None)
    covers, secrets = names(material)
    assert len(material.pairs) == 22 == len(secrets) and "guests/copy.png" not in secrets and all("hosts" in name for name in covers)
    assert any("22 secrets for 30 covers" in note for note in material.notes)


def test_kinds_stand_apart_and_are_said(folder_of):
    data = folder_of("mixed", 44)
    blurred = np.asarray(Image.fromarray(scene(48, 48, 7)).resize((96, 96)))
    for number in range(42):
        file = io.BytesIO()
        picture = (blurred + np.random.default_rng(number).integers(0, 9, blurred.shape)).astype(np.uint8)
        Image.fromarray(picture).save(file, "JPEG", quality=90, subsampling=0)
        (data / f"jpeg{number}.jpg").write_bytes(file.getvalue())
        Image.open(file).save(data / f"decoded{number}.png")
    Image.fromarray(scene(64, 64)).convert("L").save(data / "gray.png")
    Image.fromarray(scene(40, 64)).save(data / "low.png")
    Image.fromarray(scene(88, 88)).save(data / "odd.jpg", quality=90)
    (data / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    found = {material.kind: material for material in gather([data], [], 64, None)}
    assert list(found) == [PNG, PAST, JPEG]
    assert all(cover.name.startswith("mixed/decoded") for cover, _ in found[PAST].pairs)
    assert all(cover.file and cover.pixels.shape == (96, 96, 3) for cover, _ in found[JPEG].pairs)
    notes = " ".join(found[PNG].notes)
    for words in ("gray", "smaller than 64", "1 left out, no picture", "1 JPEG files left out, of another size than 96 x 96", "42 of"):
        assert words in notes
    assert len(found[PNG].pairs) == 22


def test_jpeg_files_of_all_folders_have_one_size(folder_of):
    folders = [folder_of("squares", 42, side=96, suffix=".jpg"), folder_of("larger", 30, side=128, suffix=".jpg")]
    (material,) = gather(folders, [], 64, None)
    assert {cover.pixels.shape for cover, _ in material.pairs} == {(96, 96, 3)} and set(material.sources) == {"squares"}
    assert any("30 JPEG files left out, of another size than 96 x 96" in note for note in material.notes)


def test_scaled_covers_are_a_kind_of_their_own(folder_of):
    data = folder_of("large", 42, side=128, suffix=".jpg")
    (material,) = gather([data], [], 64, None, scale=0.5)
    assert material.kind == SCALED and material.pairs[0][0].pixels.shape == (64, 64, 3)


def test_squares_are_cut_from_the_middle_at_the_grid_of_blocks(folder_of):
    data = folder_of("wide", 42, side=83)
    (material,) = gather([data], [], 64, None)
    photo: Photo = material.pairs[0][0]
    whole = np.asarray(Image.open(data / photo.name.split("/")[-1]))
    assert np.array_equal(photo.pixels, whole[8:72, 8:72])


def test_too_few(folder_of):
    with pytest.raises(IsganError, match="6 of PNG files that show no past; an audit needs 20 pairs: give more photographs, or --secrets"):
        gather([folder_of("few", 12)], [], 64, None)


def test_a_picture_in_two_folders_is_used_once(folder_of):
    first, again = folder_of("first", 60), folder_of("again", 60)
    guests, others = folder_of("hidden", 40, seed=100), folder_of("partly-again", 40, seed=90)
    for data, secrets in (([first, again], []), ([first, again], [guests, others, first])):
        (material,) = gather(data, secrets, 64, None)
        pictures = [photo.pixels.tobytes() for pair in material.pairs for photo in pair]
        assert len(set(pictures)) == len(pictures) and len(material.pairs) == (50 if secrets else 30)
        assert any("60 covers (png) left out" in note for note in material.notes)


def test_photographs_that_models_learned_from_are_no_covers():
    asked = []
    _paths(SimpleNamespace(images=lambda split: asked.append(split) or []))
    assert asked == ["val", "test"]

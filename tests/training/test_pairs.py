"""Batches as a pure function of seed and number, and photographs as they come from files."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import scene
from PIL import Image
from torch import Tensor

from isgan.color import luma
from isgan.datasets.photographs import square
from isgan.errors import IsganError
from isgan.training.pairs import Pair, TrainingPairs, fixed_pairs, gray, load_photographs

CROP = 16


def flat(number: int, height: int = 20, width: int = 24) -> Tensor:
    """A photograph of one gray, its number: batches say which photographs they are cut from."""
    return torch.full((3, height, width), number, dtype=torch.uint8)


def flats(*counts: int) -> dict[str, list[Tensor]]:
    """Sets of so many flat photographs, numbered on."""
    numbers = itertools.count()
    return {f"set{i}": [flat(next(numbers)) for _ in range(count)] for i, count in enumerate(counts)}


def covers(pair: Pair) -> list[int]:
    return (pair.cover[:, 0, 0, 0] * 255).round().int().tolist()


def secrets(pair: Pair) -> list[int]:
    return (pair.secret[:, 0, 0, 0] * 255).round().int().tolist()


def same(a: Pair, b: Pair) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def scenes(count: int, height: int = 40, width: int = 44) -> dict[str, list[Tensor]]:
    return {"scenes": [torch.from_numpy(scene(height, width, seed)).permute(2, 0, 1).contiguous() for seed in range(count)]}


# ---------------------------------------------------------------------- TrainingPairs


def test_a_batch_depends_on_seed_and_number_alone():
    sets, steps = scenes(8), range(12)
    in_order = TrainingPairs(sets, CROP, 2, seed=5)
    batches = [in_order[k] for k in steps]
    backwards = TrainingPairs(sets, CROP, 2, seed=5)
    for k in reversed(steps):
        assert same(backwards[k], batches[k])
        np.random.seed(k), torch.manual_seed(k)
        assert same(TrainingPairs(sets, CROP, 2, seed=5)[k], batches[k])
    assert not any(same(a, b) for a, b in itertools.combinations(batches, 2))
    assert not same(TrainingPairs(sets, CROP, 2, seed=6)[0], batches[0])


def test_packed_photographs_give_the_same_crops():
    """Of several sizes, ragged and mirrored."""
    sets = {"a": [torch.from_numpy(scene(CROP + 3 * k, CROP + 11 - k, k)).permute(2, 0, 1) for k in range(8)]}
    cut, gathered = TrainingPairs(sets, CROP, 3, seed=5), TrainingPairs(sets, CROP, 3, seed=5).pack(torch.device("cpu"))
    gathered.photographs = []
    for step in range(8):
        assert same(cut[step], gathered[step])


def test_the_same_photographs_in_other_crops():
    pairs = TrainingPairs(scenes(8), CROP, 2, seed=5)
    larger = pairs.at(24, 1)
    for step in (0, 9):
        assert same(larger[step], TrainingPairs(scenes(8), 24, 1, seed=5)[step])
        assert same(pairs[step], TrainingPairs(scenes(8), CROP, 2, seed=5)[step])
    with pytest.raises(IsganError, match=r"photos\.crop 40"):
        pairs.at(41, 1)


def test_each_photograph_once_per_epoch_and_the_halves_are_disjoint():
    pairs = TrainingPairs(flats(5, 8), CROP, 2, seed=0, balance=False)
    assert pairs.steps_per_epoch == 3
    epochs = [[pairs[k] for k in range(start, start + 3)] for start in (0, 3, 6)]
    for epoch in epochs:
        used = [number for pair in epoch for number in covers(pair) + secrets(pair)]
        assert len(used) == len(set(used)) == 12 and set(used) <= set(range(13))
    roles = [[covers(pair) + secrets(pair) for pair in epoch] for epoch in epochs]
    assert roles[0] != roles[1] != roles[2]
    everything = {number for k in range(60) for number in covers(pairs[k])}
    assert everything == set(range(13))  # every photograph is a cover some day


def test_balance_makes_sets_equally_frequent():
    pairs = TrainingPairs(flats(3, 12), CROP, 3, seed=0, balance=True)
    assert pairs.steps_per_epoch == 4
    used = [number for k in range(4) for number in covers(pairs[k]) + secrets(pairs[k])]
    assert sum(number < 3 for number in used) == sum(number >= 3 for number in used) == 12
    assert sorted(number for number in used if number >= 3) == list(range(3, 15))  # the largest set, once each
    assert [used.count(number) for number in range(3)] == [4, 4, 4]


def test_the_parts_of_two_ranks_are_the_batch_of_one():
    sets = scenes(16)
    whole = TrainingPairs(sets, CROP, 4, seed=1)
    halves = [TrainingPairs(sets, CROP, 4, seed=1, rank=rank, world=2) for rank in range(2)]
    for k in range(6):
        parts = [half[k] for half in halves]
        assert len(parts[0].cover) == len(parts[1].secret) == 2
        assert same(Pair(*map(torch.cat, zip(*parts, strict=True))), whole[k])
        assert not same(*parts)


def test_ranks_that_do_not_divide_the_batch():
    with pytest.raises(IsganError, match="cannot be divided among 2"):
        TrainingPairs(scenes(8), CROP, 3, seed=0, rank=0, world=2)


def test_shapes_types_and_values():
    pair = TrainingPairs(scenes(8), CROP, 2, seed=0, ragged=False)[0]
    assert pair.cover.shape == (2, 3, CROP, CROP) and pair.secret.shape == (2, 1, CROP, CROP)
    for image in pair:
        assert image.dtype == torch.float32 and image.min() >= 0 and image.max() <= 1
        assert torch.equal(image, (image * 255).round() / 255)


def test_ragged_sizes():
    pairs = TrainingPairs(scenes(8), CROP, 1, seed=0, ragged=True)
    sizes = [tuple(pairs[k].cover.shape[2:]) for k in range(80)]
    assert set(sizes[0::2]) == {(CROP, CROP)}
    assert len(set(sizes[1::2])) > 8 and all(CROP - 3 <= side <= CROP for size in sizes for side in size)
    assert all(pairs[k].secret.shape[2:] == pairs[k].cover.shape[2:] for k in range(4))
    plain = TrainingPairs(scenes(8), CROP, 1, seed=0, ragged=False)
    assert {tuple(plain[k].cover.shape[2:]) for k in range(80)} == {(CROP, CROP)}


def test_crops_are_cut_from_everywhere_and_mirrored():
    """Photographs whose red is the column and green the row: every crop tells where it was cut."""
    row, column = torch.meshgrid(torch.arange(30), torch.arange(34), indexing="ij")
    photograph = torch.stack([column, row, torch.zeros_like(row)]).to(torch.uint8)
    pairs = TrainingPairs({"a": [photograph] * 4}, CROP, 2, seed=0, ragged=False)
    lefts, tops, mirrored = [], [], []
    for k in range(100):
        for crop in (pairs[k].cover * 255).round().int():
            columns, rows = crop[0, 0], crop[1, :, 0]
            assert torch.equal(crop[0], columns.expand(CROP, CROP)) and torch.equal(crop[1], rows[:, None].expand(CROP, CROP))
            assert (rows.diff() == 1).all() and (columns.diff() == columns.diff()[0]).all()
            mirrored.append(columns.diff()[0].item() == -1)
            lefts.append(columns.min().item())
            tops.append(rows[0].item())
    assert set(lefts) == set(range(34 - CROP + 1)) and set(tops) == set(range(30 - CROP + 1))
    assert 0.4 < np.mean(mirrored) < 0.6


def test_a_photograph_of_exactly_the_crop_will_do():
    sets = {"a": [flat(n, CROP, CROP) for n in range(2)]}
    assert TrainingPairs(sets, CROP, 1, seed=0, ragged=False)[0].cover.shape == (1, 3, CROP, CROP)


def test_crops_larger_than_a_photograph():
    sets = flats(4) | {"small": [flat(9, 12, 40)]}
    with pytest.raises(IsganError, match=r"12 pixels a side: set --photos.crop 12 or less"):
        TrainingPairs(sets, CROP, 1, seed=0)


def test_too_few_photographs():
    TrainingPairs(flats(4), CROP, 2, seed=0)
    with pytest.raises(IsganError, match="3 photographs make no batch of 2 pairs"):
        TrainingPairs(flats(3), CROP, 2, seed=0)


# ---------------------------------------------------------------------- fixed pairs


def test_fixed_pairs():
    photographs = [flat(1), flat(2), flat(3)]
    pairs = fixed_pairs(photographs)
    assert [covers(pair) for pair in pairs] == [[1], [2], [3]] and [secrets(pair) for pair in pairs] == [[2], [3], [1]]
    assert all(same(a, b) for a, b in zip(pairs, fixed_pairs(photographs), strict=True))


def test_fixed_pairs_scale_the_secret_to_the_cover():
    small, large = scenes(1, 32, 36)["scenes"][0], scenes(1, 64, 48)["scenes"][0]
    for pair, cover, secret in zip(fixed_pairs([small, large]), (small, large), (large, small), strict=True):
        assert pair.cover.shape == (1, *cover.shape) and torch.equal(pair.cover, cover[None] / 255)
        assert pair.secret.shape == (1, 1, *cover.shape[1:])
        assert torch.equal(pair.secret, (pair.secret * 255).round() / 255)
        # The same slopes, seen at the other size.
        assert abs(pair.secret.mean() - luma(secret[None].float() / 255).mean()) < 0.02


def test_gray_is_luma_on_the_grid():
    photographs = torch.cat([scenes(1)["scenes"][0][None]]).float() / 255
    assert (gray(photographs) - luma(photographs)).abs().max() <= 0.5 / 255 + 1e-6
    assert torch.equal(gray(photographs), (gray(photographs) * 255).round() / 255)


# ---------------------------------------------------------------------- files


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A set called `photos`: four train files of different sizes, two val."""
    for split, count in (("train", 4), ("val", 2)):
        folder = tmp_path / "photos" / split
        folder.mkdir(parents=True)
        for i in range(count):
            Image.fromarray(scene(40 + i, 48, seed=i)).save(folder / f"{i}.png")
    return tmp_path / "photos"


def test_load_photographs(photos):
    seen = []
    loaded = load_photographs([photos], "train", progress=lambda done, total: seen.append((done, total)))
    assert list(loaded.sets) == ["photos"] and loaded.skipped == [] and seen == [(i, 4) for i in (1, 2, 3, 4)]
    for i, photograph in enumerate(loaded.sets["photos"]):
        assert photograph.dtype == torch.uint8 and photograph.is_contiguous()
        assert np.array_equal(photograph.permute(1, 2, 0), scene(40 + i, 48, seed=i))
    limited = load_photographs([photos], "train", limit=2).sets["photos"]
    assert len(limited) == 2 and torch.equal(limited[1], loaded.sets["photos"][1])
    assert len(load_photographs([photos], "val").sets["photos"]) == 2


def test_load_photographs_as_squares(photos):
    loaded = load_photographs([photos], "train", side=32).sets["photos"]
    assert {tuple(photograph.shape) for photograph in loaded} == {(3, 32, 32)}
    assert np.array_equal(loaded[1].permute(1, 2, 0), square(scene(41, 48, seed=1), 32))


def test_square_takes_the_middle():
    pixels = np.zeros((32, 64, 3), np.uint8)
    pixels[:, 16:48] = 200
    assert np.array_equal(square(pixels, 32), np.full((32, 32, 3), 200))
    assert np.array_equal(square(pixels.transpose(1, 0, 2), 32), np.full((32, 32, 3), 200))


def test_files_that_cannot_be_used_are_named(photos):
    whole = (photos / "train" / "0.png").read_bytes()
    (photos / "train" / "1.png").write_bytes(whole[: len(whole) // 2])
    (photos / "train" / "2.png").write_text("not a picture")
    Image.fromarray(scene(20, 64)).save(photos / "train" / "small.png")
    seen = []
    loaded = load_photographs([photos], "train", progress=lambda done, total: seen.append((done, total)))
    assert len(loaded.sets["photos"]) == 2 and seen[-1] == (5, 5)
    assert [path.name for path, _ in loaded.skipped] == ["1.png", "2.png", "small.png"]
    assert all(path.name in reason for path, reason in loaded.skipped)
    assert "64 x 20" in loaded.skipped[2][1]


def test_a_set_of_which_nothing_can_be_used(photos):
    for path in (photos / "train").iterdir():
        path.write_bytes(b"")
    with pytest.raises(IsganError, match=r"none of the 4 train files of photos can be used, first: .*0\.png"):
        load_photographs([photos], "train")

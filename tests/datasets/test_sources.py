"""Sources of photographs: one contract for all that are registered, then each published layout."""

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isgan.datasets import datasets
from isgan.datasets.base import SPLITS, SUFFIXES, Source, fraction, open_sets, open_source, split_of
from isgan.errors import IsganError

PEOPLE = [f"{first}_{last}" for first in ("Ada", "Bo", "Cy", "Di", "Ed") for last in ("Ek", "Fox", "Gil", "Ito", "Li")]


def write(path: Path, content: bytes | str = b"") -> Path:
    """A file and the folders above it; sources read no pixels, so any bytes are a picture to them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = content or path.name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def everything(source: Source) -> list[Path]:
    return [path for split in SPLITS for path in source.images(split)]


# One small published layout per source, found by its name: a new source fails the contract until it has one.


def make_folder(root: Path) -> Path:
    for number in range(60):
        write(root / f"{number % 3}" / f"{number}.png")
    return root


def make_lists(root: Path) -> Path:
    for number in range(60):
        write(root / "pictures" / f"{number}.png")
    return write(root / "all.txt", "".join(f"pictures/{number}.png\n" for number in range(60)))


def make_splits(root: Path) -> Path:
    for split, count in zip(SPLITS, (8, 3, 2), strict=True):
        for number in range(count):
            write(root / split / f"{number:02}.png", f"{split} {number}")
    return root


def make_lfw(root: Path) -> Path:
    for person in PEOPLE:
        for number in (1, 2):
            write(root / "lfw" / person / f"{person}_{number:04}.jpg")
    return root


def make_voc(root: Path) -> Path:
    year = root / "VOCdevkit" / "VOC2012"
    names = [f"2008_{number:06}" for number in range(30)]
    for name in [*names, "2009_000000"]:  # the last one is in no list
        write(year / "JPEGImages" / f"{name}.jpg")
    write(year / "ImageSets" / "Main" / "train.txt", "\n".join(names[:10]) + "\n")
    write(year / "ImageSets" / "Main" / "val.txt", "\n".join(names[10:]) + "\n")
    return root


def make_imagenet(root: Path) -> Path:
    for number in range(300):
        synset = f"n0144076{number % 3}"
        write(root / "train" / synset / f"{synset}_{number}.JPEG")
    for number in range(4):
        write(root / "val" / f"ILSVRC2012_val_{number:08}.JPEG")
    return root


def make(name: str, root: Path) -> Path:
    return globals()[f"make_{name}"](root)


every_source = pytest.mark.parametrize("name", datasets.names())


# The contract


@every_source
def test_the_published_layout_is_recognised(name, tmp_path):
    root = make(name, tmp_path)
    assert datasets[name].matches(root)
    assert type(open_source(root)) is datasets[name]


@every_source
def test_splits_are_filled_sorted_and_disjoint(name, tmp_path):
    source = open_source(make(name, tmp_path))
    for split in SPLITS:
        images = source.images(split)
        assert images and images == sorted(images)
        assert all(path.is_file() and path.suffix.lower() in SUFFIXES for path in images)
    assert len(set(everything(source))) == len(everything(source))


@every_source
def test_two_instances_and_two_processes_agree(name, tmp_path):
    root = make(name, tmp_path)
    here = [open_source(root).images(split) for split in SPLITS]
    assert here == [open_source(root).images(split) for split in SPLITS]
    program = (
        "import sys, pathlib; from isgan.datasets import datasets; from isgan.datasets.base import SPLITS\n"
        f"import isgan.datasets.{name}; source = datasets._parts[sys.argv[1]](pathlib.Path(sys.argv[2]))\n"
        "print([[str(path) for path in source.images(split)] for split in SPLITS])\n"
        "assert 'torch' not in sys.modules"
    )
    environment = os.environ | {"PYTHONHASHSEED": "12345"}
    command = [sys.executable, "-c", program, name, str(root)]
    there = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert there.strip() == str([[str(path) for path in images] for images in here])


@every_source
def test_unknown_split_names_the_nearest(name, tmp_path):
    with pytest.raises(IsganError, match="did you mean 'train'"):
        open_source(make(name, tmp_path)).images("trian")


@every_source
def test_a_folder_without_photographs_is_refused(name, tmp_path):
    write(tmp_path / "notes.md", "nothing here")
    assert not datasets[name].matches(tmp_path)
    with pytest.raises(IsganError, match="expected"):
        datasets[name](tmp_path)
    with pytest.raises(IsganError, match="no photographs"):
        open_source(tmp_path)


@every_source
def test_a_missing_root_is_refused(name, tmp_path):
    for opened in (open_source, datasets[name]):
        with pytest.raises(IsganError, match="no such folder") as error:
            opened(tmp_path / "nowhere")
        assert "\n" not in str(error.value)


@every_source
def test_the_caller_may_change_the_list_it_gets(name, tmp_path):
    source = open_source(make(name, tmp_path))
    source.images("train").clear()
    assert source.images("train")


def test_a_file_that_is_no_list_is_refused(tmp_path):
    with pytest.raises(IsganError, match="no photographs"):
        open_source(write(tmp_path / "cat.png"))


def test_an_empty_split_is_refused(tmp_path):
    write(tmp_path / "only.png")
    source = open_source(tmp_path)
    empty = next(split for split in SPLITS if split != split_of(b"only.png"))
    with pytest.raises(IsganError, match=f"no {empty} photographs .* enough"):
        source.images(empty)


# Hashing


@given(st.binary(max_size=64))
def test_a_fraction_is_below_one_and_decides_the_split(key):
    position = fraction(key)
    assert 0 <= position < 1
    assert split_of(key) == ("train" if position < 0.8 else "val" if position < 0.9 else "test")
    assert split_of(key, {"val": 1.0}) == "val"


def test_fractions_are_known_and_even():
    assert fraction(b"") == pytest.approx(0xE3B0C442 / 2**32, abs=1e-9)  # SHA-256 of nothing, FIPS 180-4
    positions = np.sort([fraction(str(number).encode()) for number in range(10_000)])
    assert np.abs(positions - np.linspace(0, 1, 10_000)).max() < 0.02  # Kolmogorov-Smirnov, p = 1e-3


def test_the_largest_digest_stays_below_one(monkeypatch):
    class Digest:
        def digest(self):
            return b"\xff" * 32

    monkeypatch.setattr("isgan.datasets.base.hashlib.sha256", lambda key: Digest())
    assert fraction(b"") < 1
    assert split_of(b"") == "test"
    assert split_of(b"", dict.fromkeys("abcdefghij", 0.1)) == "j"  # ten tenths add up to a little less than 1


@pytest.mark.parametrize(("position", "split"), [(0, "train"), (0.79999, "train"), (0.8, "val"), (0.9, "test")])
def test_a_split_begins_where_the_one_before_ends(position, split, monkeypatch):
    monkeypatch.setattr("isgan.datasets.base.fraction", lambda key: position)
    assert split_of(b"") == split


# folder


@given(contents=st.sets(st.binary(min_size=1, max_size=8), min_size=2, max_size=12), data=st.data())
def test_folder_adding_and_renaming_move_no_photograph(contents, data, tmp_path_factory):
    root = tmp_path_factory.mktemp("folder")
    few = data.draw(st.sets(st.sampled_from(sorted(contents)), min_size=1))
    before, after = _by_content(root / "few", few, "a{}.png"), _by_content(root / "all", contents, "sub/b{}.JPG")
    assert set(before) == few and set(after) == contents
    assert before.items() <= after.items()


def _by_content(root: Path, contents: set[bytes], name: str) -> dict[bytes, str]:
    for number, content in enumerate(sorted(contents)):
        write(root / name.format(number), content)
    return {path.read_bytes(): split for path, split in datasets["folder"](root).assign()}


def test_folder_copies_share_a_split(tmp_path):
    for number in range(40):
        write(tmp_path / f"{number}.png", f"same {number}")
        write(tmp_path / "copies" / f"x{99 - number}.jpg", f"same {number}")
    assigned = [(path.read_bytes(), split) for path, split in open_source(tmp_path).assign()]
    assert len(assigned) == 80 and len(set(assigned)) == 40


def test_folder_takes_pictures_of_any_case_and_nothing_hidden(tmp_path):
    wanted = {write(tmp_path / name) for name in ("a.PNG", "b.Jpeg", "c/d.tif", "c/e.TIFF", "f.webp", "g.bmp", "h.jpg")}
    for name in (".a.png", "._b.jpg", ".cache/c.png", "d.gif", "e.png.txt", "png"):
        write(tmp_path / name)
    assert {path for path, _ in open_source(tmp_path).assign()} == wanted


def test_folder_follows_links_but_no_loop(tmp_path, monkeypatch):
    walk = os.walk
    monkeypatch.setattr("isgan.datasets.base.os.walk", lambda *args, **options: islice(walk(*args, **options), 20))
    write(tmp_path / "elsewhere" / "a.png")
    root = write(tmp_path / "root" / "b.png").parent
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "again").symlink_to(tmp_path / "elsewhere")
    for loop in ("first", "second"):  # entered again and again, they would hide what comes after them
        (root / loop).symlink_to(root)
    write(root / "third" / "c.png")
    assert [path.name for path, _ in open_source(root).assign()] == ["b.png", "a.png", "c.png"]


def test_folder_keeps_a_dead_link_for_the_scan_to_name(tmp_path):
    (tmp_path / "dead.png").symlink_to(tmp_path / "gone.png")
    assert list(open_source(tmp_path).assign()) == [(tmp_path / "dead.png", split_of(b"dead.png"))]


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    def denied(folder, onerror, **options):
        onerror(PermissionError(13, "Permission denied", str(folder)))
        return []

    write(tmp_path / "a.png")
    source = open_source(tmp_path)
    monkeypatch.setattr("isgan.datasets.base.os.walk", denied)
    with pytest.raises(IsganError, match=r"cannot list .*Permission denied"):
        source.images("train")


# lists


def test_lists_skip_comments_and_blank_lines_and_repeats(tmp_path):
    wanted = {write(tmp_path / "a b.png"), write(tmp_path / "sub" / "c.png"), write(tmp_path / "d#1.png")}
    file = write(tmp_path / "all.txt", "\ufeffa b.png\n\n# no.png\n sub/c.png \r\nd#1.png\nsub/../a b.png\n")
    paths = [path for path, _ in open_source(file).assign()]
    assert len(paths) == 3 and set(paths) == wanted


def test_lists_divide_like_a_folder(tmp_path):
    listed = open_source(make_lists(tmp_path))
    tree = open_source(tmp_path / "pictures")
    assert [listed.images(split) for split in SPLITS] == [tree.images(split) for split in SPLITS]


def test_lists_named_after_splits_are_the_splits(tmp_path):
    for split in ("train", "test"):
        write(tmp_path / f"{split}.txt", f"{write(tmp_path / 'all' / f'{split}.png').relative_to(tmp_path)}\n")
    source = open_source(tmp_path)
    assert [path.name for path in source.images("train")] == ["train.png"]
    assert [path.name for path in source.images("test")] == ["test.png"]
    with pytest.raises(IsganError, match=r"no val photographs .*val\.txt"):
        source.images("val")


def test_lists_refuse_a_photograph_in_two_splits(tmp_path):
    write(tmp_path / "a.png")
    write(tmp_path / "train.txt", "a.png")
    write(tmp_path / "pictures" / "b.png")
    write(tmp_path / "test.txt", "pictures/../a.png")
    with pytest.raises(IsganError, match=r"in train\.txt and in test\.txt"):
        open_source(tmp_path).images("train")


@pytest.mark.parametrize("text", ["gone.png", "x" * 5000, b"\xff\xfe\x00"], ids=["missing", "prose", "binary"])
def test_lists_that_are_none_are_named(text, tmp_path):
    write(tmp_path / "a.png")
    content = b"a.png\n" + (text if isinstance(text, bytes) else text.encode())
    with pytest.raises(IsganError, match=r"all\.txt"):
        open_source(write(tmp_path / "all.txt", content)).images("train")


# splits


def test_splits_are_taken_as_they_are(tmp_path):
    source = open_source(make_splits(tmp_path))
    assert [len(source.images(split)) for split in SPLITS] == [8, 3, 2]
    assert all(path.relative_to(tmp_path).parts[0] == "val" for path in source.images("val"))


@pytest.mark.parametrize("there", ["train", "test"])
def test_splits_name_the_missing_one(there, tmp_path):
    write(tmp_path / there / "a.png")
    source = open_source(tmp_path)
    assert len(source.images(there)) == 1
    with pytest.raises(IsganError, match=r"no val photographs .*train/ val/ test/"):
        source.images("val")


# lfw


@pytest.mark.parametrize("above", [".", "lfw", "lfw_funneled", "lfw-deepfunneled/lfw-deepfunneled"])
def test_lfw_is_found_at_and_below_the_root(above, tmp_path):
    make_lfw(tmp_path / "made")
    (tmp_path / "root" / above).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "made" / "lfw").rename(tmp_path / "root" / above)
    source = open_source(tmp_path / "root")
    assert type(source) is datasets["lfw"]
    assert len(everything(source)) == 2 * len(PEOPLE)


def test_lfw_puts_no_person_in_two_splits_and_moves_none(tmp_path):
    source = open_source(make_lfw(tmp_path))
    people = {path.parent.name: split for split in SPLITS for path in source.images(split)}
    assert sum(len({path.parent for path in source.images(split)}) for split in SPLITS) == len(people) == len(PEOPLE)
    for person in [*PEOPLE[:3], "New_Person"]:
        write(tmp_path / "lfw" / person / f"{person}_0009.jpg")
    later = {path.parent.name: split for split in SPLITS for path in open_source(tmp_path).images(split)}
    assert later == people | {"New_Person": later["New_Person"]}


def test_lfw_reads_one_of_two_versions_and_no_stray_file(tmp_path):
    make_lfw(tmp_path)
    make_lfw(tmp_path / "made")
    (tmp_path / "made" / "lfw").rename(tmp_path / "lfw-deepfunneled")
    write(tmp_path / "lfw" / "poster.jpg")
    assert {path.parents[1] for path in everything(open_source(tmp_path))} == {tmp_path / "lfw"}
    assert len(everything(open_source(tmp_path))) == 2 * len(PEOPLE)


def test_lfw_leaves_class_folders_alone(tmp_path):
    for name in ("cat/cat_0001.jpg", "Old_Cat/cat_0001.jpg", "Old_Cat/Old_Cat_1.jpg"):
        write(tmp_path / name)
    assert type(open_source(tmp_path)) is datasets["folder"]


# voc


@pytest.mark.parametrize("below", [".", "VOCdevkit", "VOCdevkit/VOC2012"])
def test_voc_is_found_from_three_roots(below, tmp_path):
    source = open_source(make_voc(tmp_path) / below)
    assert type(source) is datasets["voc"]
    assert [path.name for path in source.images("train")] == [f"2008_{number:06}.jpg" for number in range(10)]
    assert len(source.images("val")) + len(source.images("test")) == 20


def test_voc_reads_the_latest_year_and_forgives_labels_in_the_list(tmp_path):
    make_voc(tmp_path)
    older = tmp_path / "VOCdevkit" / "VOC2007"
    write(older / "JPEGImages" / "000001.jpg")
    for name in ("train", "val"):
        write(older / "ImageSets" / "Main" / f"{name}.txt", "000001  1\n")
    assert len(everything(open_source(tmp_path))) == 30
    assert [path.name for path in open_source(older).images("train")] == ["000001.jpg"]


def test_voc_counts_missing_photographs(tmp_path):
    make_voc(tmp_path)
    for number in (3, 4):
        (tmp_path / "VOCdevkit" / "VOC2012" / "JPEGImages" / f"2008_{number:06}.jpg").unlink()
    with pytest.raises(IsganError, match=r"lists 2 missing files, first .*2008_000003\.jpg"):
        open_source(tmp_path).images("train")


# imagenet


@pytest.mark.parametrize("above", [".", "CLS-LOC", "Data/CLS-LOC", "ILSVRC/Data/CLS-LOC"])
def test_imagenet_is_found_and_not_taken_for_splits(above, tmp_path):
    make_imagenet(tmp_path / above)
    source = open_source(tmp_path)
    assert type(source) is datasets["imagenet"]
    assert [path.name for path in source.images("test")] == [f"ILSVRC2012_val_{number:08}.JPEG" for number in range(4)]
    assert len(source.images("train")) + len(source.images("val")) == 300
    assert 1 <= len(source.images("val")) <= 15
    assert source.priority > datasets["splits"].priority  # both match; not left to the order of their names


def test_imagenet_takes_val_in_class_folders_and_does_without_one(tmp_path):
    make_imagenet(tmp_path / "flat")
    photograph = write(tmp_path / "val" / "n01440764" / "ILSVRC2012_val_00000293.JPEG")
    (tmp_path / "flat" / "train").rename(tmp_path / "train")
    assert open_source(tmp_path).images("test") == [photograph]
    photograph.unlink()
    photograph.parent.rmdir()
    photograph.parents[1].rmdir()
    with pytest.raises(IsganError, match="no test photographs"):
        open_source(tmp_path).images("test")


def test_a_folder_train_goes_before_a_list_train(tmp_path):
    write(tmp_path / "train" / "a.png")
    write(tmp_path / "train.txt", "train/a.png 0\n")
    assert type(open_source(tmp_path)) is datasets["splits"]


def test_train_with_other_class_folders_is_splits(tmp_path):
    for name in ("train/cat/1.png", "train/n0144076/1.png", "val/cat/2.png"):
        write(tmp_path / name)
    assert type(open_source(tmp_path)) is datasets["splits"]


# Several sets


def test_a_folder_of_divided_sets_is_each_of_them(tmp_path):
    for name in ("one/train/a.png", "one/test/b.png", "two/train/c.png", "two/val/d.png"):
        write(tmp_path / "data" / name)
    sets = open_sets([tmp_path / "data"])
    assert list(sets) == ["one", "two"]
    assert [path.name for path in sets["one"].images("test")] == ["b.png"]
    assert {name: type(source) for name, source in open_sets([tmp_path / "data" / "one"]).items()} == {"one": datasets["splits"]}
    write(tmp_path / "data" / "one" / "inner" / "test" / "e.png")
    assert list(open_sets([tmp_path / "data" / "one"])) == ["one"]


def test_photographs_beside_divided_sets_are_not_left_out_silently(tmp_path):
    for name in ("photos/holiday/test/a.png", "photos/holiday/val/b.png", "photos/c.png"):
        write(tmp_path / name)
    with pytest.raises(IsganError, match=r"has sets of its own, holiday, and photographs beside them, like c\.png"):
        open_sets([tmp_path / "photos"])
    (tmp_path / "photos" / "c.png").unlink()
    assert list(open_sets([tmp_path / "photos"])) == ["holiday"]


def test_two_sets_of_one_name_are_refused(tmp_path):
    for name in ("a/photos/1.png", "b/photos/2.png"):
        write(tmp_path / name)
    with pytest.raises(IsganError, match="both called 'photos'"):
        open_sets([tmp_path / "a" / "photos", tmp_path / "b" / "photos"])

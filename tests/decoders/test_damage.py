"""Damaged files of every kind, over all that reads files: each is used, or refused in one line, and nothing else happens."""

import logging
import struct
import subprocess
import sys
import warnings
from itertools import islice

import numpy as np
import pytest
from damage import EVERYWHERE, OWN, damaged
from fuzzing import LINES, OPERATIONS, Printed, quick_keys, run, tried
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import refused, saved, tiff
from PIL import Image
from whole_files import whole

import isgan
from isgan.checking import check
from isgan.decoders import is_picture
from isgan.errors import IsganError, IsganWarning
from isgan.picture import read_picture

CASES = 200
SEED = 20


@pytest.fixture(scope="module")
def printed():
    return Printed()


@pytest.fixture(scope="module", autouse=True)
def _quick():
    with quick_keys():
        yield


def test_damaged_files(tmp_path, printed, capfd):
    with capfd.disabled():
        for number, (what, data) in enumerate(islice(damaged(SEED), CASES)):
            operation = list(OPERATIONS)[number % len(OPERATIONS)]
            assert not (fault := tried(operation, data, tmp_path, printed).fault), (number, operation, what, fault)


@pytest.mark.parametrize("operation", LINES)
def test_command_lines_on_a_damaged_file(tmp_path, operation):
    what, data = next(islice(damaged(SEED), 11, None))
    outcome = run(operation, data, tmp_path)
    assert not outcome.fault, (what, outcome.fault)


def read(data: bytes) -> None:
    """Must do no more than refuse, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", IsganWarning)
        try:
            is_picture(data)
            read_picture(data or b"\0", frame=1)
        except IsganError as error:
            assert str(error).isprintable()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(whole())), st.data())
def test_bytes_put_anywhere(name, data):
    """What a program that knows nothing of the formats may do to a file; hypothesis shrinks what goes wrong."""
    file = bytearray(whole()[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(file) - 1))
        file[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    read(bytes(file))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(whole())), st.data())
def test_chunks_tags_and_boxes_that_no_program_writes(name, data):
    file = whole()[name]
    ways = [way for start, own in OWN if start(file) for way in own] or EVERYWHERE
    for way, seed in data.draw(st.lists(st.tuples(st.sampled_from(ways), st.integers(0, 2**16)), min_size=1, max_size=3)):
        file = way(file, np.random.default_rng(seed)) or b"\0"
    read(file)


# ---------------------------------------------------------------------------------------------------- what was found


def test_pillows_warnings_and_log_stay_inside(tmp_path):
    """Both come from TIFFs with odd tags, and went to standard error."""
    good = tiff(np.zeros((8, 8, 1), np.uint8), 1)
    photometric, samples = good.index(b"\x06\x01\x03\0"), good.index(b"\x15\x01\x03\0")
    (tmp_path / "larger").write_bytes(good[: photometric + 4] + (10**6).to_bytes(4, "little") + good[photometric + 8 :])
    (tmp_path / "many").write_bytes(good[: samples + 8] + b"\x09\0" + good[samples + 10 :])
    code = "import sys; from isgan.decoders import is_picture; [is_picture(open(name, 'rb').read()) for name in sys.argv[1:]]"
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "larger", tmp_path / "many"], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_whoever_logs_hears_pillow(caplog):
    with caplog.at_level(logging.WARNING, logger="PIL"):
        logging.getLogger("PIL.TiffImagePlugin").warning("odd")
    assert "odd" in caplog.text


def test_a_profile_that_is_no_bytes_is_none():
    image = Image.new("L", (8, 8))
    image.info["icc_profile"] = "text"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_picture(image).shape == (8, 8)


def test_a_jpeg_has_no_room_for_very_long_covers(tmp_path):
    long = saved(np.random.default_rng(0).integers(60, 200, (70_000, 3), np.uint8), "PNG")
    refused(lambda: isgan.hide(long, b"x", tmp_path / "out.jpg", pass_phrase="x", risk="high"), "70000", "save the stego image as .png")


def test_quantisation_steps_of_0_are_no_division(tmp_path):
    data = bytearray(saved(np.full((16, 16), 90, np.uint8), "JPEG"))
    table = data.index(b"\xff\xdb") + 5
    data[table : table + 3] = bytes(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "usual tables" not in check(bytes(data), "x")["quality"]


def test_a_jpeg_of_very_many_scans_is_refused(monkeypatch):
    """Each takes 31 bytes, and time for all of the picture: 100 KB took 2 s, 1 MB a minute."""
    good = saved(Image.new("RGB", (64, 64), (90, 80, 70)), "JPEG", progressive=True)
    scan = good[good.rindex(b"\xff\xda") : -2]
    assert read_picture(good[:-2] + 20 * scan + good[-2:]).shape == (64, 64, 3)
    assert read_picture(good + 200 * scan).shape == (64, 64, 3)  # after its end: a phone's video may have anything
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    refused(lambda: read_picture(good[:-2] + 100 * scan + good[-2:]), "more than 100 scans")


def test_the_size_of_each_page_is_checked(monkeypatch):
    pages = saved(Image.new("RGB", (20, 30)), "TIFF", save_all=True, append_images=[Image.new("RGB", (21, 31))])
    width, height = struct.pack("<HHII", 256, 4, 1, 21), struct.pack("<HHII", 257, 4, 1, 31)
    assert read_picture(pages, frame=2).shape == (31, 21, 3)
    assert width in pages and height in pages
    larger = pages.replace(width, width[:8] + struct.pack("<I", 20_000)).replace(height, height[:8] + struct.pack("<I", 20_000))
    assert read_picture(larger, frame=1).shape == (30, 20, 3)
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    refused(lambda: read_picture(larger, frame=2), "too many pixels")


def test_what_decoders_say_cannot_move_the_cursor(monkeypatch):
    def fail(*_):
        raise ValueError("bad \x1b[31m\u202e\n tag")

    data = saved(Image.new("RGB", (4, 4)), "PNG")
    monkeypatch.setattr(Image.Image, "load", fail)
    assert refused(lambda: read_picture(data), "bad [31m tag").isprintable()

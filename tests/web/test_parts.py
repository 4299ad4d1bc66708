"""The parts without a server: frames, results, words, the forms."""

import io
import math

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import ValidationError

from isgan.files import Named
from isgan.options import Options
from isgan.web import words
from isgan.web.forms import Capacity, Hide, Preview, Reveal
from isgan.web.frames import Frame, head_length, read_frame
from isgan.web.limits import Limits
from isgan.web.results import File, Results


@hypothesis.given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()), st.lists(st.binary()))
def test_frames_come_back(head, blobs) -> None:
    head.pop("sizes", None)
    stream = io.BytesIO(b"".join(Frame(head, blobs).parts()))
    assert read_frame(stream) == Frame(head, blobs)
    assert read_frame(stream) is None


def test_a_frame_of_a_gigabyte_is_refused() -> None:
    with pytest.raises(ValueError):
        head_length(b"\x40\0\0\0")


def test_results_are_there_once_and_for_a_time() -> None:
    now = [0.0]
    results = Results(Limits(kept_megabytes=2, keep_seconds=10), lambda: now[0])
    file = File("a.png", "image/png", b"a")
    name = results.put({"stego": file, "secret": file})
    assert results.take(name, "stego") is file
    assert results.take(name, "stego") is None
    assert results.take(name, "other") is None
    now[0] = 11.0
    assert results.take(name, "secret") is None and len(results) == 0
    file = File("a.png", "image/png", bytes(2**20))
    first, *_ = names = [results.put({"stego": file}) for _ in range(3)]
    assert len(set(names)) == 3 and len(first) >= 32
    assert results.take(first, "stego") is None  # the oldest went
    assert results.take(names[-1], "stego") is file and len(results) == 1
    large = results.put({"stego": File("b.png", "image/png", bytes(3 * 2**20))})
    assert len(results) == 1 and results.take(large, "stego") is not None


def test_words_follow_decibels() -> None:
    assert "No eye" in words.of_stego(66.0) and "visible" in words.of_stego(20.0) and "Exactly" in words.of_stego(math.inf)
    said = [words.of_secret(psnr) for psnr in (math.inf, 41, 37, 34, 31, 22)]
    assert len(set(said)) == 6 and "Rough" in said[-1]
    assert words.of_ssim(math.nan) == "" and words.of_ssim(0.9999) != words.of_ssim(0.95)
    assert set(words.RISK) == {"low", "medium", "high"}


def test_words_about_risk_are_what_was_measured() -> None:
    assert words.of_risk("low", None) == "Hard to find."
    assert words.of_risk("low", "a detector errs in 49 % of cases") == "Hard to find. A detector errs in 49 % of cases."


def test_forms_take_every_option_but_paths() -> None:
    taken = set(Hide.model_fields)
    assert {"cover", "secret", "pass_phrase", "no_pass"} <= taken
    assert set(Options.__dataclass_fields__) - taken == {"engine"}
    assert all(field.description for field in Hide.model_fields.values())
    given = {"cover": Named(b"c"), "secret": Named(b"s")}
    files, fields = Hide.checked({**given, "pass_phrase": "p", "quality": "33.5", "gray": "true", "codec": ""})
    assert files == {"cover": b"c", "secret": b"s"} and fields["quality"] == 33.5 and fields["gray"] is True and fields["codec"] is None
    assert Options(**{name: fields[name] for name in Options.__dataclass_fields__ if name in fields}).quality == 33.5
    for wrong in ({"model": "/etc/passwd.safetensors"}, {"risk": "none"}, {"scale": "x"}, {"engine": "openvino"}, {"nothing": "1"}):
        with pytest.raises(ValidationError):
            Hide.checked({**given, **wrong})


def test_a_pass_phrase_is_in_no_error() -> None:
    with pytest.raises(ValidationError) as error:
        Reveal.checked({"stego": Named(b"s"), "pass_phrase": "hunter2", "model": "hunter2"})
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("form", [Hide, Reveal, Capacity, Preview])
def test_forms_document_their_files(form) -> None:
    schema = form.documented()["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form.files() and all(schema["properties"][name] for name in form.files())
    assert all(schema["properties"][name]["format"] == "binary" for name in form.files())

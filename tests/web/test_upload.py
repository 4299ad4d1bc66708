"""What is read of a request's body, and what is refused before all of it is read."""

import asyncio
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from isgan.web.limits import Limits
from isgan.web.upload import Refused, _harmless, read_form

BOUNDARY = "frontier"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    more = f'; filename="{filename}"' if filename is not None else ""
    return f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def read(*chunks: bytes, kind: str = TYPE, length: int | None = None, limits: Limits | None = None, pause: float = 0.0):
    """The form of a body in chunks, and how many of them were asked for."""
    headers = [(b"content-type", kind.encode())] + ([(b"content-length", str(length).encode())] if length else [])
    asked = [0]

    async def receive() -> dict:
        await asyncio.sleep(pause)
        asked[0] += 1
        more = asked[0] < len(chunks)
        return {"type": "http.request", "body": chunks[asked[0] - 1], "more_body": more}

    request = Request({"type": "http", "headers": headers}, receive)
    try:
        return asyncio.run(read_form(request, ["cover", "secret"], limits or Limits())), asked[0]
    except Refused as error:
        return error, asked[0]


def test_a_form_is_read() -> None:
    body = part("cover", b"\x89PNG\r\n\0--", "a b.png") + part("risk", b"low") + END
    for size in (1, 7, len(body)):
        form, _ = read(*(body[start : start + size] for start in range(0, len(body), size)))
        assert form == {"cover": b"\x89PNG\r\n\0--", "risk": "low"}
        assert form["cover"].name == "a b.png" and form["cover"].label == "the cover"


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_come_through_in_any_chunks(content, size) -> None:
    if f"--{BOUNDARY}".encode() in content:
        return
    body = part("secret", content, "x") + END
    assert read(*(body[start : start + size] for start in range(0, len(body), size)))[0]["secret"] == content


def test_too_large_is_refused_before_it_is_read() -> None:
    small = Limits(megabytes=1)
    error, asked = read(b"x" * 1000, b"never", length=2**21, limits=small)
    assert error.status == 413 and asked == 0 and "1 MiB" in str(error)
    chunks = [part("cover", b"", "x")[:-2], *[b"x" * 2**18] * 40]
    error, asked = read(*chunks, limits=small)  # no length was said
    assert error.status == 413 and asked <= 6


def test_no_temporary_file(monkeypatch) -> None:
    def refuse(*_, **__):
        raise AssertionError("something is written to the disk")

    for name in ("SpooledTemporaryFile", "NamedTemporaryFile", "TemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    form, _ = read(part("cover", b"x" * 3 * 2**20, "x"), END)
    assert len(form["cover"]) == 3 * 2**20


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"", "multipart/form-data", 415),
        (b"", f"multipart/form-data; boundary={'x' * 100}", 415),
        (b"nonsense", TYPE, 400),
        (part("cover", b"cut off"), TYPE, 400),
        (b"", TYPE, 400),
        (part("cover", b"1") + part("cover", b"2") + END, TYPE, 400),
        (part("", b"1") + END, TYPE, 400),
        (part("pass_phrase", b"\xff\xfe") + END, TYPE, 400),
        (part("pass_phrase", b"x" * 70_000) + END, TYPE, 413),
        (part("cover", b"1", "n" * 5000) + END, TYPE, 400),
        (b"".join(part(f"f{number}", b"1") for number in range(70)) + END, TYPE, 400),
    ],
)
def test_what_is_no_form_is_refused(body, kind, status) -> None:
    error, _ = read(body, kind=kind)
    assert isinstance(error, Refused) and error.status == status
    assert "\n" not in str(error)


def test_a_slow_upload_is_refused() -> None:
    error, _ = read(b"--", b"--", limits=Limits(upload_seconds=0.05), pause=0.2)
    assert error.status == 408


@given(st.text())
def test_names_are_harmless(name) -> None:
    made = _harmless(name)
    assert (len(made) <= 255 and made.isprintable() and "/" not in made and "\\" not in made and made not in ("..",)) or made == ".."
    assert _harmless(f"../../{name}/x.png") == "x.png" and _harmless(f"C:\\{name}\\x.png") == "x.png"

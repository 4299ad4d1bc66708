"""A request's body, multipart/form-data, in memory: nothing of it is ever written to the disk, and too much of it is not read."""

import asyncio
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from isgan.files import Named
from isgan.web.forms import MAX_TEXT
from isgan.web.limits import Limits

MAX_PARTS = 64
MAX_HEADERS = 4096  # bytes of the headers of one part
NAME_LETTERS = 255


class Refused(Exception):
    """A request that is answered with an error.

    Args:
        status: of HTTP.
        message: one line for people.
    """

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


async def read_form(request: Request, files: Collection[str], limits: Limits) -> dict[str, str | Named]:
    """The fields of a form by name, those among `files` as bytes with the name that they were sent under, made harmless.

    Raises:
        Refused: another kind of body, a damaged one, one that is too large or too slow.
    """
    most = int(limits.megabytes * 2**20)
    too_large = Refused(413, f"the files are too large: at most {limits.megabytes:g} MiB are taken together; scale the pictures down")
    kind, parameters = parse_options_header(request.headers.get("content-type", ""))
    boundary = parameters.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 70:
        raise Refused(415, "send the files as multipart/form-data, such as with curl -F cover=@photo.jpg")
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > most:
        raise too_large
    reader = _Reader(files)
    parser = MultipartParser(boundary, reader.callbacks())
    read = 0
    try:
        async with asyncio.timeout(limits.upload_seconds):
            async for chunk in request.stream():
                read += len(chunk)
                if read > most:
                    raise too_large
                parser.write(chunk)
        parser.finalize()
    except FormParserError:
        raise Refused(400, "the upload is damaged or incomplete: send it again") from None
    except TimeoutError:
        raise Refused(408, f"the upload took more than {limits.upload_seconds:g} seconds: send it again") from None
    except ClientDisconnect:
        raise Refused(400, "the upload was broken off") from None
    if not reader.ended:
        raise Refused(400, "the upload is damaged or incomplete: send it again")
    return reader.found


class _Reader:
    """Collects parts as the parser calls."""

    def __init__(self, files: Collection[str]):
        self.found: dict[str, str | Named] = {}
        self.ended = False
        self._files = files
        self._parts = 0

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header(self._field, data[start:end]),
            "on_header_value": lambda data, start, end: self._header(self._value, data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._named,
            "on_part_data": self._more,
            "on_part_end": self._end,
            "on_end": self._all,
        }

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise Refused(400, f"the form has more than {MAX_PARTS} fields: leave some out")
        self._headers: dict[bytes, bytes] = {}
        self._field, self._value, self._data = bytearray(), bytearray(), bytearray()

    def _header(self, collected: bytearray, data: bytes) -> None:
        collected += data
        if len(collected) > MAX_HEADERS:
            raise Refused(400, "a file's name is too long: rename it")

    def _header_end(self) -> None:
        self._headers[bytes(self._field).lower()] = bytes(self._value)
        self._field, self._value = bytearray(), bytearray()

    def _named(self) -> None:
        options = parse_options_header(self._headers.get(b"content-disposition", b""))[1]
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._own = _harmless(options.get(b"filename", b"").decode("utf-8", "replace"))
        if not self._name or self._name in self.found:
            raise Refused(400, "the form has a field without a name, or one twice: send each once")

    def _more(self, data: bytes, start: int, end: int) -> None:
        if self._name not in self._files and len(self._data) + end - start > MAX_TEXT:
            raise Refused(413, f"a field takes more than {MAX_TEXT // 1024} KiB: only files may")
        self._data += memoryview(data)[start:end]

    def _end(self) -> None:
        if self._name in self._files:
            self.found[self._name] = Named(self._data, self._own, f"the {self._name}")
        else:
            try:
                self.found[self._name] = self._data.decode()
            except UnicodeDecodeError:
                raise Refused(400, "a field is not UTF-8 text: send it as UTF-8") from None
        self._data = bytearray()

    def _all(self) -> None:
        self.ended = True


def _harmless(name: str) -> str:
    """A file's name as it may be kept: no folders, nothing that a terminal or a browser would obey."""
    name = PurePosixPath(name.replace("\\", "/")).name
    return "".join(letter if letter.isprintable() else "_" for letter in name)[:NAME_LETTERS]

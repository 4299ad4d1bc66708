"""A request that a worker answers: as the file itself, as JSON, or as server-sent events with progress."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from isgan.web.forms import Form
from isgan.web.frames import Frame
from isgan.web.guard import BUG, report
from isgan.web.limits import Limits
from isgan.web.pool import Busy, Died, Pool
from isgan.web.results import File, Results
from isgan.web.upload import Refused, read_form

EVENTS = "text/event-stream"
STATUS = {"input": 422, "nothing found": 422, "bug": 500, "busy": 503, "slow": 504}
BUSY = "too many jobs are waiting: try again in a few seconds"
RETRY = "5"  # seconds
DIED = "the work ended unexpectedly, perhaps for lack of memory: close other programs, or scale the pictures down"


class Work(Response):
    """Reads the form, has the work done, and answers; where the client leaves before that, the work stops.

    Args:
        pool, results, limits: of the server.
        task: a name of `isgan.web.tasks`.
        form: what is asked for.
        main: the part of the result that is the answer to whoever asks for no events; None for the facts as JSON.
    """

    def __init__(self, pool: Pool, results: Results, limits: Limits, task: str, form: type[Form], main: str | None = None):
        super().__init__()
        self.pool, self.results, self.limits, self.task, self.form, self.main = pool, results, limits, task, form, main

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        events = EVENTS in request.headers.get("accept", "")
        try:
            with self.pool.admission():
                job = await self._job(request)
                if events:
                    await self._stream(job, receive, send)
                    return
                answer = await until_gone(self._answer(job, lambda _: None), receive)
        except Busy:
            await _error("busy", BUSY)(scope, receive, send)
            return
        except Refused as error:
            refusal = JSONResponse({"error": str(error), "kind": "refused"}, error.status, {"connection": "close"})
            await refusal(scope, receive, send)
            return
        if answer is not None:
            await self._plain(answer)(scope, receive, send)

    async def _job(self, request: Request) -> Frame:
        given = await read_form(request, self.form.files(), self.limits)
        try:
            files, fields = self.form.checked(given)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            raise Refused(422, f"{'.'.join(map(str, first['loc'][:1]))}: {first['msg'][:1].lower()}{first['msg'][1:]}") from None
        fields["megapixels"] = self.limits.megapixels
        head = {"task": self.task, "fields": fields, "files": [(name, file.name) for name, file in files.items()]}
        return Frame(head, list(files.values()))

    async def _answer(self, job: Frame, progress: Callable[[dict[str, Any]], None]) -> Frame:
        """The worker's answer; whatever goes wrong is one too."""
        try:
            answer = await self.pool.run(job, progress)
        except TimeoutError:
            words = f"it took more than {self.limits.seconds:g} seconds, which is the limit here: scale the pictures down"
            return Frame({"error": words, "kind": "slow"})
        except Died:
            report("end of a worker")
            return Frame({"error": DIED, "kind": "bug"})
        if answer.head.get("kind") == "bug":
            report(answer.head["error"])
            return Frame({"error": BUG, "kind": "bug"})
        return answer

    def _plain(self, answer: Frame) -> Response:
        if "error" in answer.head:
            return _error(answer.head["kind"], answer.head["error"])
        parts = _files(answer)
        told = {"facts": answer.head["facts"], "notes": answer.head["notes"]}
        if self.main is None:
            return JSONResponse(told | {"files": self._kept(parts)})
        file = parts[self.main]
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}", "isgan-facts": json.dumps(told)}
        return Response(bytes(file.data), headers=headers, media_type=file.type)

    async def _stream(self, job: Frame, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", EVENTS.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        news: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

        async def tell() -> None:
            while (told := await news.get()) is not None:
                await _event(send, "progress", told)

        async def whole() -> None:
            telling = asyncio.create_task(tell())
            try:
                answer = await self._answer(job, news.put_nowait)
            finally:
                news.put_nowait(None)
                await telling
            if "error" in answer.head:
                await _event(send, "error", {"error": answer.head["error"], "kind": answer.head["kind"]})
            else:
                told = {"facts": answer.head["facts"], "notes": answer.head["notes"], "files": self._kept(_files(answer))}
                await _event(send, "result", told)

        await until_gone(whole(), receive)
        await send({"type": "http.response.body", "body": b""})

    def _kept(self, parts: dict[str, File]) -> dict[str, dict[str, Any]]:
        """Where each part can be fetched, once."""
        if not parts:
            return {}
        name = self.results.put(parts)
        return {
            part: {"url": f"/api/results/{name}/{part}", "name": file.name, "type": file.type, "bytes": len(file.data)}
            for part, file in parts.items()
        }


async def until_gone(work: Awaitable[Any], receive: Receive) -> Any:
    """What the work gives; None, and the work is cancelled, if the client leaves first."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.ensure_future(work), asyncio.create_task(gone())
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.wait([working, leaving])


def _files(answer: Frame) -> dict[str, File]:
    return {part["part"]: File(part["name"], part["type"], blob) for part, blob in zip(answer.head["parts"], answer.blobs, strict=True)}


def _error(kind: str, message: str) -> JSONResponse:
    return JSONResponse({"error": message, "kind": kind}, STATUS[kind], {"retry-after": RETRY} if kind == "busy" else None)


async def _event(send: Send, name: str, content: dict[str, Any]) -> None:
    body = f"event: {name}\ndata: {json.dumps(content)}\n\n".encode()
    await send({"type": "http.response.body", "body": body, "more_body": True})

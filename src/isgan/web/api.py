"""The HTTP API, and the page that uses it. `/openapi.json` describes it, `/docs` shows that without anything from outside."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import Request

from isgan import __version__, models
from isgan.errors import IsganError, require
from isgan.memory import give_back
from isgan.options import DEFAULT
from isgan.web.forms import Capacity, Check, Form, Hide, Inspect, Preview, Reveal
from isgan.web.guard import BUG
from isgan.web.limits import Limits
from isgan.web.pool import Pool
from isgan.web.results import Results
from isgan.web.work import Work

TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
PAGES = {"/": "index.html", "/docs": "docs.html"}
ERROR = {"type": "object", "properties": {"error": {"type": "string"}, "kind": {"type": "string"}}}
FORGET_SECONDS = 5
BINARY = {"schema": {"type": "string", "format": "binary"}}
DESCRIPTION = """Hides a picture or a file in a photograph, and reveals it, on this machine.

Every answer that is not 200 is JSON with one line in `error` that says what to do. With `Accept: text/event-stream` the work is
answered by server-sent events: `progress` with a share of 1, then `result` or `error`. A file that a result names is fetched once and
is gone then, or after two minutes. Closing the connection stops the work."""


def create(limits: Limits) -> FastAPI:
    """The application of one server, still without its guard."""
    pool, results = Pool(limits), Results(limits)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        await pool.start()
        forgetting = asyncio.create_task(_forget(results))
        yield
        forgetting.cancel()
        await pool.stop()

    app = FastAPI(title="isgan", version=__version__, description=DESCRIPTION, docs_url=None, redoc_url=None, lifespan=life)
    app.state.pool, app.state.results = pool, results

    def work(task: str, form: type[Form], summary: str, main: str | None = None, kinds: tuple[str, ...] = ("application/json",)) -> None:
        async def endpoint() -> Response:
            return Work(pool, results, limits, task, form, main)

        content: dict[str, Any] = {kind: {} if kind == "application/json" else BINARY for kind in kinds}
        answers: dict[int | str, dict[str, Any]] = {200: {"description": "Done.", "content": content | {"text/event-stream": {}}}}
        for status, said in REFUSALS.items():
            answers[status] = {"description": said, "content": {"application/json": {"schema": ERROR}}}
        app.add_api_route(f"/api/{task}", endpoint, methods=["POST"], summary=summary, name=task, openapi_extra=form.documented(),
                          responses=answers, response_class=Response)  # fmt: skip

    work("hide", Hide, "Hide a secret: the stego image, checked.", "stego", ("image/png", "image/jpeg"))
    work("reveal", Reveal, "Reveal a secret: the file.", "secret", ("image/png", "application/octet-stream"))
    work("capacity", Capacity, "How much a cover takes at each risk.")
    work("check", Check, "Whether a file was changed on the way.")
    work("inspect", Inspect, "What a file is, with reduced copies of a picture.")
    work("preview", Preview, "About what hide would make, in a second, from reduced copies.")

    @app.get("/api/models", summary="What can hide.")
    def list_models() -> list[dict[str, Any]]:
        return [_described(name) for name in models.names()]

    gone = {"description": "It was fetched, or has expired.", "content": {"application/json": {"schema": ERROR}}}
    fetched: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": BINARY}}, 404: gone}

    @app.get("/api/results/{name}/{part}", summary="A part of a result, once.", response_class=Response, responses=fetched)
    def fetch(name: str, part: str) -> Response:
        file = results.take(name, part)
        if file is None:
            return JSONResponse({"error": "this result was fetched or has expired: do it again", "kind": "gone"}, 404)
        return Response(bytes(file.data), media_type=file.type,
                        headers={"content-disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"})  # fmt: skip

    @app.exception_handler(HTTPException)
    def plain(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": str(error.detail).lower(), "kind": "refused"}, error.status_code, error.headers)

    @app.exception_handler(Exception)
    def bug(request: Request, error: Exception) -> JSONResponse:  # the guard tells of it
        return JSONResponse({"error": BUG, "kind": "bug"}, 500)

    for path, content, kind in _pages():
        app.add_api_route(path, _constant(content, kind), include_in_schema=False)
    return app


async def _forget(results: Results) -> None:
    """Has results that nobody fetches go by themselves, and what large uploads took with them."""
    while True:
        await asyncio.sleep(FORGET_SECONDS)
        results.forget()
        give_back()


REFUSALS = {
    400: "The upload is damaged.",
    401: "The token is missing or wrong.",
    403: "Another web site asked.",
    408: "The upload was too slow.",
    413: "The files are too large.",
    415: "The body is no form.",
    421: "The server does not answer under this name.",
    422: "What was asked for is not possible, or nothing was found.",
    503: "Too many jobs are waiting; Retry-After says when to come again.",
    504: "It took too long.",
}


def _pages() -> list[tuple[str, bytes, str]]:
    """Path, content and type of everything the browser loads."""
    folder = resources.files("isgan.web") / "static"
    found = {f"/static/{file.name}": file.name for file in folder.iterdir() if file.name.split(".")[-1] in TYPES}
    return [(path, (folder / name).read_bytes(), TYPES[name.split(".")[-1]]) for path, name in (PAGES | found).items()]


def _constant(content: bytes, kind: str) -> Callable[[], Response]:
    return lambda: Response(content, media_type=f"{kind}; charset=utf-8")


def _described(name: str) -> dict[str, Any]:
    card = models.card(name)
    missing = ""
    if card["scheme"] == "neural":
        try:
            require("neural", "torch", "safetensors")
        except IsganError as error:
            missing = str(error)
    return {"name": name, "default": name == DEFAULT, "scheme": card["scheme"], "keyed": bool(card.get("keyed")), "missing": missing}

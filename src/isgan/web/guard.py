"""What stands before every end point: who may ask, from where, and what a browser may do with the answer."""

import hmac
import ipaddress
import sys
import traceback
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
BUG = "something unexpected happened; please report what you did"
LOCAL = ("localhost", "127.0.0.1", "::1")


class Guard:
    """An ASGI application around another one.

    Args:
        app: what is guarded.
        hosts: names besides `LOCAL` under which browsers may reach this server, lower case.
        addresses: whether any IP address is such a name too; a rebound name never is one.
        token: what `Authorization: Bearer` has to carry for /api/, or None.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = (), addresses: bool = False, token: str | None = None):
        self.app, self.addresses, self.token = app, addresses, token
        self.hosts = {*LOCAL, *hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [pair for pair in message.get("headers", []) if pair[0].decode().lower() not in HEADERS] + own
            await send(message)

        refused = self._refused(scope["method"], scope["path"], Headers(scope=scope))
        if refused is not None:
            await refused(scope, receive, guarded)
            return
        try:
            await self.app(scope, receive, guarded)
        except Exception as error:
            report(f"{type(error).__name__} at {_where(error)}")
            if not started:
                await JSONResponse({"error": BUG, "kind": "bug"}, 500)(scope, receive, guarded)

    def _refused(self, method: str, path: str, headers: Headers) -> JSONResponse | None:
        host = headers.get("host", "")
        if not self._known(host):
            return _refusal(421, "this server does not answer under that name: use the address that isgan serve printed, or --allow-host")
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
        api = path.startswith("/api/")
        foreign = origin is not None and urlsplit(origin).netloc != host
        if (foreign or site not in ("same-origin", "none")) and (api or method not in ("GET", "HEAD")):
            return _refusal(403, "another web site asked for this: open the page of isgan serve itself")
        if api and self.token is not None:
            given = headers.get("authorization", "")
            if not hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {self.token}".encode()):
                return _refusal(401, "this server asks for a token: send Authorization: Bearer TOKEN", {"www-authenticate": "Bearer"})
        return None

    def _known(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self.hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return self.addresses


def report(what: str) -> None:
    """Tells whoever runs the server of a bug; `what` has nothing of the request in it."""
    if sys.stderr is not None:
        print(f"isgan serve: unexpected {what}; please report this", file=sys.stderr)


def _where(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def _refusal(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": message, "kind": "refused"}, status, headers)

"""`isgan serve`: one socket, one line, until Ctrl-C."""

import ipaddress
import logging
import socket
import sys
import webbrowser
from collections.abc import Callable, Collection
from typing import Any

import uvicorn

from isgan.errors import IsganError
from isgan.web.api import create
from isgan.web.guard import Guard
from isgan.web.limits import Limits
from isgan.web.patience import Patient

CONNECTIONS = 64
SHORTEST_TOKEN = 16


def bound(host: str, port: int) -> socket.socket:
    """A socket that is bound there; `IsganError` where it cannot be."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise IsganError(f"there is no host '{host}' here: take an address of this machine for --host") from error
    except OverflowError as error:
        raise IsganError(f"a port of {port} is out of bounds: 1 to 65535, or 0 for any that is free") from error
    listening = socket.socket(family, kind, protocol)
    if sys.platform != "win32":  # there it would let two servers share a port
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise IsganError(f"cannot serve at {host}, port {port}: {error.strerror or error}; take another --port, or 0 for any") from error
    return listening


def is_local(listening: socket.socket) -> bool:
    """Whether this machine alone reaches a socket."""
    return ipaddress.ip_address(listening.getsockname()[0].split("%")[0]).is_loopback


def serve(host: str, port: int, token: str | None, hosts: Collection[str], limits: Limits, tell: Callable[[str], None],
          browse: bool) -> None:  # fmt: skip
    """Serves until it is interrupted.

    Args:
        host, port: where; port 0 is any that is free.
        token: what clients have to send; needed where other machines reach the server.
        hosts: further names under which browsers reach it.
        limits: what is taken.
        tell: called with the address.
        browse: open a browser there.
    """
    if token is not None and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        raise IsganError(f"the token is no good: take {SHORTEST_TOKEN} or more letters and digits, such as from: openssl rand -hex 16")
    listening = bound(host, port)
    with listening:
        local = is_local(listening)
        if not local and token is None:
            raise IsganError(f"other machines reach {host}: give --token-file, set ISGAN_TOKEN, or leave out --host")
        names = {*map(str.lower, hosts), *(() if local else (socket.gethostname().lower(),))}
        app = Guard(create(limits), names, addresses=not local, token=token)
        address = listening.getsockname()
        shown = f"[{address[0]}]" if listening.family == socket.AF_INET6 else address[0]
        url = f"http://{shown}:{address[1]}/"
        tell(url)
        if browse:
            webbrowser.open(url)
        for name in ("python_multipart", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        settings: dict[str, Any] = {"log_config": None, "log_level": logging.CRITICAL + 1, "access_log": False}
        config = uvicorn.Config(app, http=Patient, lifespan="on", ws="none", server_header=False, proxy_headers=False,
                                limit_concurrency=CONNECTIONS, timeout_graceful_shutdown=1, **settings)  # fmt: skip
        try:
            uvicorn.Server(config).run([listening])
        except SystemExit as error:  # what begins with the application failed
            words = "the process that does the work does not start: install isgan anew; python -m isgan.web.worker says why"
            raise IsganError(words) from error

"""Who connects and asks for nothing is not waited for; who asks is."""

import asyncio

import pytest
import uvicorn
from uvicorn.server import ServerState

from isgan.web import patience

WAIT = 0.2


async def app(scope, receive, send) -> None:
    await asyncio.sleep(3 * WAIT)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def conversation(*pieces: bytes) -> bytes:
    """What the server says to pieces that are sent one after the other, until it closes the connection."""
    config = uvicorn.Config(app, http=patience.Patient, lifespan="off", timeout_keep_alive=60)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(lambda: patience.Patient(config, state, {}), "127.0.0.1", 0)
    async with server, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for piece in pieces:
            if reader.at_eof():
                break
            writer.write(piece)
            await asyncio.sleep(WAIT / 4)
        said = await reader.read()
        writer.close()
    assert not state.connections
    return said


@pytest.mark.parametrize("pieces", [[], [b"GET / HT"], [b"G", *[b"E"] * 9]])
def test_nobody_waits_for_a_request(monkeypatch, pieces) -> None:
    monkeypatch.setattr(patience, "SECONDS", WAIT)
    assert asyncio.run(conversation(*pieces)) == b""


def test_slow_answers_come_and_the_connection_ends_after_them(monkeypatch) -> None:
    monkeypatch.setattr(patience, "SECONDS", WAIT)
    assert asyncio.run(conversation(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")).endswith(b"\r\n\r\nok")

"""What the tests of the page and its API share: a client of the application, a real server, small pictures."""

import warnings
from collections.abc import Iterator

import photos
import pytest
from serving import Server, png

from isgan.web.api import create
from isgan.web.guard import Guard
from isgan.web.limits import Limits

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have a successor of httpx
    from starlette.testclient import TestClient


@pytest.fixture(scope="session")
def cover() -> bytes:
    """A photograph of 128 x 128 pixels as PNG."""
    return png(photos.photograph())


@pytest.fixture(scope="session")
def secret() -> bytes:
    """A gray picture, 64 x 48, as PNG."""
    return png(photos.secret(64, 48))


@pytest.fixture(scope="session")
def app():
    """The application with small limits, behind its guard."""
    return Guard(create(Limits(jobs=1, waiting=2, megabytes=2, megapixels=0.5)))


@pytest.fixture(scope="session")
def client(app) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    running = Server("--jobs", "1")
    yield running
    running.stop()

"""Who may ask: hosts, origins, tokens, and the headers of every answer."""

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from isgan.web.guard import Guard


async def inner(scope, receive, send) -> None:
    if scope["path"] == "/broken":
        raise ValueError("PRIVATE")
    await PlainTextResponse("fine", headers={"cache-control": "public", "x-own": "1"})(scope, receive, send)


def client(**settings) -> TestClient:
    return TestClient(Guard(inner, **settings), base_url="http://127.0.0.1:8765", raise_server_exceptions=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8765", "localhost:1", "[::1]:8765", "LOCALHOST"])
def test_own_names_are_answered(host) -> None:
    assert client().get("/", headers={"host": host}).status_code == 200


OTHERS = ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "192.168.1.4", "", "[", "localhost@evil.example"]


@pytest.mark.parametrize("host", OTHERS)
def test_a_rebound_name_is_not(host) -> None:
    for path in ("/", "/api/hide"):
        answer = client().post(path, headers={"host": host})
        assert answer.status_code == 421 and "--allow-host" in answer.json()["error"]


def test_further_names() -> None:
    there = client(hosts=["box.local"], addresses=True)
    assert there.get("/", headers={"host": "box.local:80"}).status_code == 200
    assert there.get("/", headers={"host": "192.168.1.4:8765"}).status_code == 200
    assert there.get("/", headers={"host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://127.0.0.1:8765"}, 200),
        ({"origin": "http://127.0.0.1:8765", "sec-fetch-site": "same-origin"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "http://127.0.0.1"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_another_site_may_not_post(headers, status) -> None:
    there = client()
    assert there.post("/api/hide", headers=headers).status_code == status
    assert there.get("/api/hide", headers=headers).status_code == status  # results are for the page alone
    assert there.get("/", headers=headers).status_code == 200  # a link to the page is fine


def test_a_token_is_asked_for() -> None:
    there = client(token="0123456789abcdef")
    assert there.get("/").status_code == 200  # the page itself, which asks for it
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "0123456789abcdef"}, {"authorization": "Bearer é"}):
        answer = there.post("/api/hide", headers={name: value.encode() for name, value in headers.items()})
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
    assert there.post("/api/hide?token=0123456789abcdef").status_code == 401
    assert there.post("/api/hide", headers={"authorization": "Bearer 0123456789abcdef"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/hide", "/broken"])
@pytest.mark.parametrize("host", ["127.0.0.1", "evil.example"])
def test_every_answer_has_the_headers(path, host) -> None:
    headers = client().get(path, headers={"host": host}).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy and "http" not in policy
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert headers.get_list("cache-control") == ["no-store"]
    assert not any(name.startswith("access-control") for name in headers)


def test_a_bug_is_told_without_what_was_in_it(capsys) -> None:
    answer = client().get("/broken")
    assert answer.status_code == 500 and "report" in answer.json()["error"] and "PRIVATE" not in answer.text
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "ValueError at test_guard.py:" in err and "PRIVATE" not in err

"""The HTTP API: what works, what is refused and how, and that nothing is kept."""

import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from serving import PHRASE, png
from starlette.testclient import TestClient

import isgan
from isgan.web.api import create
from isgan.web.forms import Reveal
from isgan.web.guard import Guard
from isgan.web.limits import Limits

EVENTS = {"accept": "text/event-stream"}


def files(**given: bytes) -> dict:
    return {name: (f"{name}.png", data, "text/html") for name, data in given.items()}  # types are not believed


def hide(client, cover: bytes, secret: bytes, headers=None, name: str = "holiday.png", **fields):
    sent = {"cover": ("IMG_1.png", cover), "secret": (name, secret)}
    return client.post("/api/hide", files=sent, data={"pass_phrase": PHRASE, "risk": "high", **fields}, headers=headers)


def events(answer) -> list[tuple[str, dict]]:
    return [(name, json.loads(data)) for name, data in re.findall(r"event: (\w+)\ndata: (.*)\n\n", answer.text)]


def test_hidden_and_revealed(client, cover, secret) -> None:
    answer = hide(client, cover, secret)
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''IMG_1.png"  # the cover's name tells nothing
    told = json.loads(answer.headers["isgan-facts"])
    assert (told["facts"]["stego dB"] > 45 and "No eye" in told["facts"]["words"]["stego"]) or told["facts"]["stego dB"] < 50
    # The command line's own API finds it too.
    assert isgan.reveal(answer.content, pass_phrase=PHRASE).secret.name == "holiday.png"
    found = client.post("/api/reveal", files=files(stego=answer.content), data={"pass_phrase": PHRASE})
    assert found.headers["content-disposition"].endswith("holiday.png")
    original, back = (np.array(Image.open(io.BytesIO(data))).astype(int) for data in (secret, found.content))
    assert back.shape == original.shape and np.square(back - original).mean() < 8


def test_a_file_comes_back_byte_for_byte_under_its_name(client, cover) -> None:
    note = b"<script>alert(1)</script>\r\n"
    stego = hide(client, cover, note, name="../../a\u202eb<x>.html").content
    found = client.post("/api/reveal", files=files(stego=stego), data={"pass_phrase": PHRASE})
    assert found.content == note
    assert found.headers["content-type"] == "application/octet-stream" and found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["content-disposition"] == "attachment; filename*=UTF-8''a_b%3Cx%3E.html"


def test_events_and_parts_that_are_there_once(client, cover, secret) -> None:
    told = events(hide(client, cover, secret, EVENTS))
    assert [name for name, _ in told][-1] == "result" and "progress" in [name for name, _ in told]
    shares = [content["progress"] for name, content in told if name == "progress"]
    assert shares == sorted(shares) and shares[-1] == 1.0
    parts = told[-1][1]["files"]
    assert set(parts) == {"stego", "secret", "seen", "residual"}
    stego, residual = (client.get(parts[name]["url"]).content for name in ("stego", "residual"))
    difference = np.array(Image.open(io.BytesIO(stego))).astype(int) - np.array(Image.open(io.BytesIO(cover)))
    shown = np.array(Image.open(io.BytesIO(residual))).astype(int) - 128
    assert (np.abs(difference).max(2) == np.abs(shown)).all() and shown.any()
    again = client.get(parts["stego"]["url"])
    assert again.status_code == 404 and "expired" in again.json()["error"]
    delivered = isgan.reveal(stego, pass_phrase=PHRASE).secret.picture
    assert (np.array(Image.open(io.BytesIO(client.get(parts["secret"]["url"]).content))) == delivered).all()


def test_an_error_as_an_event(client, cover) -> None:
    sent = events(client.post("/api/reveal", files=files(stego=cover), data={"pass_phrase": "x"}, headers=EVENTS))
    assert sent[-1] == ("error", {"error": str(isgan.NothingFound()), "kind": "nothing found"})


def test_capacity_as_the_terminal_says(client, cover) -> None:
    facts = client.post("/api/capacity", files=files(cover=cover)).json()["facts"]
    expected = isgan.capacity(cover)
    assert {risk: facts["risks"][risk]["bytes"] for risk in ("low", "medium", "high")} == {
        risk: expected[risk]["bytes"] for risk in ("low", "medium", "high")
    }
    said = f"errs in {expected['low']['a detector errs in']} of cases"
    assert facts["kind"] == "png" and said in facts["risks"]["low"]["words"]


def test_inspect_and_preview(client, cover, secret) -> None:
    told = client.post("/api/inspect", files={"file": ("x", cover)}).json()
    assert told["facts"] == {"bytes": len(cover), "picture": True, "width": 128, "height": 128}
    text = client.post("/api/inspect", files={"file": ("x", b"text")}).json()
    assert text == {"facts": {"bytes": 4, "picture": False}, "notes": [], "files": {}}
    said = {}
    for risk, room in (("low", 700), ("high", 7000)):
        data = {"room": room, "most": 7000, "pixels": 64 * 48, "risk": risk}
        made = client.post("/api/preview", files=files(cover=cover, secret=secret), data=data)
        assert made.status_code == 200, made.text
        said[risk] = made.json()["facts"]
        assert set(made.json()["files"]) == {"stego", "residual", "secret"}
    assert said["high"]["secret dB"] > said["low"]["secret dB"] and said["high"]["changed"] > said["low"]["changed"]
    assert said["low"]["bytes"] <= 700


def test_a_preview_is_near_what_comes(client, cover, secret) -> None:
    rooms = client.post("/api/capacity", files=files(cover=cover)).json()["facts"]["risks"]
    data = {"room": rooms["medium"]["bytes"], "most": rooms["high"]["bytes"], "pixels": 64 * 48, "risk": "medium"}
    about = client.post("/api/preview", files=files(cover=cover, secret=secret), data=data).json()["facts"]
    real = json.loads(hide(client, cover, secret, risk="medium").headers["isgan-facts"])["facts"]
    assert abs(about["secret dB"] - real["secret dB"]) < 1.0  # the same picture, and nearly the same room
    assert 0.5 < about["changed"] / real["changed"] < 2


def test_check_and_models(client, cover) -> None:
    assert "verdict" in client.post("/api/check", files={"file": ("x.png", cover)}).json()["facts"]
    models = {model["name"]: model for model in client.get("/api/models").json()}
    assert models["adaptive"]["default"] and models["adaptive"]["keyed"] and not models["isgan"]["keyed"]
    assert list(models) == isgan.names()


def test_notes_come_along(client, secret, cover) -> None:
    see_through = Image.open(io.BytesIO(secret)).convert("RGBA")
    see_through.putalpha(100)
    file = io.BytesIO()
    see_through.save(file, "PNG")
    told = json.loads(hide(client, cover, file.getvalue()).headers["isgan-facts"])
    assert any("white" in note for note in told["notes"])


def refused(answer, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert "\n" not in error and error and all(word in error for word in words), error
    assert PHRASE not in answer.text


def test_errors_are_the_terminal_s(client, cover, secret) -> None:
    refused(hide(client, b"no picture", secret), 422, "the cover")
    refused(hide(client, cover[:-300], secret), 422, "the cover", "damaged")
    refused(hide(client, cover, b""), 422, "the secret", "empty")
    refused(hide(client, cover, secret, pass_phrase=""), 422, "pass phrase")
    refused(hide(client, cover, np.random.default_rng(1).bytes(9000), risk="low", exact="true"), 422, "--risk low")
    refused(hide(client, cover, secret, quality="99"), 422, "20 to 60")
    flat = png(np.full((64, 64, 3), 7, np.uint8))
    refused(client.post("/api/capacity", files=files(cover=flat)), 422, "one colour")
    large = png(np.zeros((800, 800), np.uint8))
    refused(hide(client, large, secret), 422, "the cover", "at most 0.5 megapixels")
    refused(client.post("/api/inspect", files={"file": ("x", large)}), 422, "megapixels")
    pages = io.BytesIO()
    Image.new("L", (40, 40)).save(pages, "TIFF", save_all=True, append_images=[Image.new("L", (800, 800))])
    refused(hide(client, pages.getvalue(), secret, frame="2"), 422, "the cover", "at most 0.5 megapixels")
    rooms = {"room": "900", "most": "900"}
    refused(client.post("/api/preview", files=files(cover=large, secret=secret), data=rooms), 422, "the cover", "megapixels")


def test_what_is_no_request(client, cover) -> None:
    refused(client.post("/api/hide", json={}), 415, "curl")
    refused(client.post("/api/hide", files=files(cover=cover)), 422, "secret")
    refused(client.post("/api/reveal", files=files(stego=cover), data={"wrong": "1"}), 422, "wrong")
    refused(client.post("/api/reveal", files=files(stego=cover), data={"model": "../x.safetensors"}), 422, "model")
    refused(client.post("/api/hide", files=files(cover=bytes(3 * 2**20))), 413, "2 MiB")
    refused(client.get("/api/hide"), 405)
    refused(client.options("/api/hide", headers={"access-control-request-method": "POST"}), 405)
    refused(client.get("/nothing"), 404)
    refused(client.get("/api/results/abc/stego"), 404)


def test_a_full_queue(client, app, cover) -> None:
    pool = app.app.state.pool
    with pool.admission(), pool.admission(), pool.admission():
        answer = client.post("/api/capacity", files=files(cover=cover))
        refused(answer, 503, "try again")
        assert int(answer.headers["retry-after"]) > 0
    assert client.post("/api/capacity", files=files(cover=cover)).status_code == 200
    assert pool.admitted == 0


def test_what_takes_too_long(cover, secret) -> None:
    with TestClient(Guard(create(Limits(seconds=0.02))), base_url="http://localhost") as client:
        refused(hide(client, cover, secret), 504, "0.02 seconds")
        assert events(hide(client, cover, secret, EVENTS))[-1][1]["kind"] == "slow"


def test_a_worker_that_dies_is_replaced(client, app, cover, capsys) -> None:
    pool = app.app.state.pool
    (worker,) = pool._workers
    worker._process.kill()
    refused(client.post("/api/capacity", files=files(cover=cover)), 500, "memory")
    assert "end of a worker" in capsys.readouterr().err
    assert client.post("/api/capacity", files=files(cover=cover)).status_code == 200
    assert len(pool._workers) == 1


def test_a_bug_of_the_server(client, app, capsys, monkeypatch) -> None:
    def broken(*_):
        raise KeyError(PHRASE)

    monkeypatch.setattr(app.app.state.results, "take", broken)
    refused(client.get("/api/results/a/b"), 500, "report")
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "KeyError at test_api.py:" in err and PHRASE not in err


def test_a_bug_of_a_worker(client, app, cover, capsys, monkeypatch) -> None:
    monkeypatch.setattr(Reveal, "checked", classmethod(lambda form, given: ({"stego": given["stego"]}, {})))  # fields are missing
    refused(client.post("/api/reveal", files=files(stego=cover)), 500, "report")
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "at tasks.py:" in err


def test_the_description(client) -> None:
    api = client.get("/openapi.json").json()
    assert set(api["paths"]) >= {"/api/hide", "/api/reveal", "/api/capacity", "/api/check", "/api/inspect", "/api/preview", "/api/models"}
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"] and all(answer["description"] for answer in operation["responses"].values()), (path, method)
    assert "503" in api["paths"]["/api/hide"]["post"]["responses"]
    assert not re.search(r"https?://(?!127)", client.get("/docs").text)


@pytest.mark.parametrize("path", ["/", "/docs", "/static/page.js", "/static/page.css", "/static/hide.js", "/static/icon.svg"])
def test_pages_load_nothing_from_outside(client, path) -> None:
    answer = client.get(path)
    assert answer.status_code == 200 and answer.headers["content-type"].endswith("charset=utf-8")
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", answer.text)
    assert not re.search(r"innerHTML|eval\(|<script>|\sstyle=\"|\son\w+=\"", answer.text)

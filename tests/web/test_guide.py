"""The commands of docs/web.md as they stand, against a running server. Its Python runs with that of all other pages."""

import re
import shutil
import subprocess
from pathlib import Path

import photos
import pytest
from PIL import Image

import isgan
from isgan.web.limits import Limits

GUIDE = (Path(__file__).parents[2] / "docs/web.md").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl(server, tmp_path) -> None:
    commands = re.findall(r"^\$ (curl .*)$", GUIDE, re.MULTILINE)
    assert len(commands) == 3
    Image.fromarray(photos.photograph(256)).save(tmp_path / "photo.jpg", quality=95)
    (tmp_path / "notes.txt").write_text("Meet me at noon.\n")
    (tmp_path / "phrase.txt").write_text("correct horse\n")
    for command in commands:
        assert "http://127.0.0.1:8765/" in command
        here = command.replace("http://127.0.0.1:8765/", server.url)
        done = subprocess.run(here, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and "error" not in done.stdout, done
    assert isgan.reveal(tmp_path / "stego.jpg", pass_phrase="correct horse").secret.name == "notes.txt"  # as --pass-file reads it
    assert (tmp_path / "received.txt").read_text() == "Meet me at noon.\n"


def test_the_limits_are_the_program_s() -> None:
    limits = Limits()
    assert f"{limits.megabytes} MiB" in GUIDE and f"{limits.megapixels} megapixels" in GUIDE
    assert (limits.jobs, limits.waiting, limits.seconds, limits.keep_seconds) == (2, 8, 600, 120)


def test_every_end_point_is_named(client) -> None:
    for path in client.get("/openapi.json").json()["paths"]:
        assert path in GUIDE or path.startswith("/api/results/"), path

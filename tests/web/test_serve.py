"""`isgan serve` as a process: what it says, where it serves, how it ends, and that nothing is left or told."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from serving import PHRASE, Server

from isgan.__main__ import main
from isgan.web.pool import Died, Pool


def wait(condition, seconds: float = 15.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_one_line_and_ctrl_c(tmp_path, cover, secret) -> None:
    running = Server(env=os.environ | {"TMPDIR": str(tmp_path), "HOME": str(tmp_path)}, cwd=tmp_path)
    assert running.line.startswith("isgan serves http://127.0.0.1:") and "Ctrl-C" in running.line
    sent = {"cover": ("c.png", cover), "secret": ("s.png", secret)}
    made = httpx.post(f"{running.url}api/hide", files=sent, data={"pass_phrase": PHRASE, "risk": "high"}, timeout=60)
    assert made.status_code == 200
    assert httpx.get(f"{running.url}api/hide?pass_phrase={PHRASE}").status_code == 405
    workers = running.workers()
    assert workers
    assert running.stop() == (130, "", "")
    assert wait(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix not in (".nbi", ".nbc")]
    assert left == []


def test_a_worker_ends_with_its_server(server) -> None:
    running = Server()
    assert wait(running.workers)
    workers = running.workers()
    running.stop(signal.SIGKILL)
    assert wait(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def test_who_leaves_stops_the_work(server, cover, secret) -> None:
    (worker,) = server.workers()
    os.kill(worker, signal.SIGSTOP)  # a job without an end
    sent = {"cover": ("c.png", cover), "secret": ("s.png", secret)}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server.url}api/hide", files=sent, data={"pass_phrase": PHRASE}, timeout=httpx.Timeout(60, read=0.3))
    assert wait(lambda: not Path(f"/proc/{worker}").exists(), 10)
    assert httpx.post(f"{server.url}api/capacity", files={"cover": ("c.png", cover)}, timeout=30).status_code == 200
    assert server.workers() != [worker]


def test_ctrl_c_in_the_middle_of_a_job(cover) -> None:
    running = Server()
    assert httpx.post(f"{running.url}api/capacity", files={"cover": ("c.png", cover)}, timeout=60).status_code == 200
    (worker,) = running.workers()
    os.kill(worker, signal.SIGSTOP)  # a job without an end
    with ThreadPoolExecutor() as threads:
        threads.submit(httpx.post, f"{running.url}api/capacity", files={"cover": ("c.png", cover)}, timeout=60)
        time.sleep(0.5)
        assert running.stop() == (130, "", "")
    assert not Path(f"/proc/{worker}").exists()


def test_ctrl_c_while_a_worker_starts() -> None:
    running = Server()
    assert wait(running.workers)
    (worker,) = running.workers()
    os.kill(worker, signal.SIGSTOP)
    assert running.stop() == (130, "", "")
    assert not Path(f"/proc/{worker}").exists()


def test_too_much_is_refused_before_it_is_sent(server) -> None:
    host, port = server.url.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(f"POST /api/hide HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: multipart/form-data; boundary=x\r\n"
                     "Content-Length: 999999999\r\n\r\n--x\r\n".encode())  # fmt: skip
        answer = line.recv(4096).decode()
    assert answer.startswith("HTTP/1.1 413") and "no-store" in answer


def test_a_port_in_use(server, capfd) -> None:
    port = server.url.rstrip("/").rsplit(":", 1)[1]
    done = subprocess.run([sys.executable, "-m", "isgan", "serve", "--port", port], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and f"port {port}" in done.stderr and "take another --port" in done.stderr


def refused(capsys, *tokens: str) -> str:
    assert main(["serve", "--port", "0", *tokens]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("isgan: error: ") and err.count("\n") == 1
    return err


def test_others_need_a_token(capsys, monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("ISGAN_TOKEN", raising=False)
    for host in ("0.0.0.0", "::"):
        assert "--token-file" in refused(capsys, "--host", host)
    short = tmp_path / "token"
    short.write_text("short\n")
    assert "16" in refused(capsys, "--host", "0.0.0.0", "--token-file", str(short))
    assert "16" in refused(capsys, "--token-file", str(short))
    assert "cannot read the token file" in refused(capsys, "--token-file", str(tmp_path / "none"))
    assert "no host" in refused(capsys, "--host", "nowhere.invalid")
    assert "bounds" in refused(capsys, "--jobs", "0") and "bounds" in refused(capsys, "--max-megapixels", "1000")


def test_with_a_token_others_are_served(cover) -> None:
    token = "0123456789abcdef"
    running = Server("--host", "0.0.0.0", env=os.environ | {"ISGAN_TOKEN": token})
    try:
        url = f"http://127.0.0.1:{running.url.rstrip('/').rsplit(':', 1)[1]}"
        assert httpx.get(f"{url}/").status_code == 200
        assert httpx.get(f"{url}/api/models").status_code == 401
        assert httpx.get(f"{url}/api/models", headers={"authorization": f"Bearer {token}"}).status_code == 200
        (worker,) = running.workers()
        assert token not in Path(f"/proc/{worker}/environ").read_text()
    finally:
        code, out, err = running.stop(signal.SIGTERM)
    assert code == 143 and token not in out + err


def test_a_worker_that_does_not_start(capsys, monkeypatch) -> None:
    async def broken(pool) -> None:
        raise Died

    monkeypatch.setattr(Pool, "start", broken)
    assert main(["serve", "--port", "0", "--quiet"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "isgan.web.worker" in err and err.count("\n") == 1


def test_the_extra_is_named_where_it_is_missing(capsys, monkeypatch) -> None:
    import isgan.errors

    monkeypatch.setattr(isgan.errors, "find_spec", lambda name: None)
    assert "pip install 'isgan[web]'" in refused(capsys)

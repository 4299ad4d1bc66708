"""Load on `isgan serve`: requests at once, broken ones among them, and how long a camera's JPEG takes through the page's end points.

    python benchmarks/load.py photo.jpg load.csv

Of 200 requests, 8 at once, 50 are broken: damaged pictures, other pass phrases, forms that are none, connections that break off. Every
good one has to hide and to bring the secret back; the memory of the server and its workers, without what they share, is written before
and after. Then the JPEG is hidden in by the command line and through the server, in turns.
"""

import argparse
import csv
import io
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

import isgan

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
COVERS = [path.read_bytes() for path in sorted((EXAMPLES / "covers").glob("*.png"))]
SECRET = sorted((EXAMPLES / "secrets").glob("*.png"))[0].read_bytes()
PHRASE = "correct horse battery staple"
AT_ONCE = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--broken", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with subprocess.Popen([sys.executable, "-m", "isgan", "serve", "--port", "0"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = re.search(r"http://\S+/", server.stdout.readline())[0]  # type: ignore[index]
            rows = load(url, server.pid, asked.requests, asked.broken) if asked.requests else []
            rows += camera(url, asked.photo, asked.rounds) if asked.rounds else []
        finally:
            server.terminate()
    with asked.output.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["what", "value"])
        writer.writerows(rows)
    for what, value in rows:
        print(f"{what:<44} {value}")


def load(url: str, pid: int, requests: int, broken: int) -> list[tuple[str, object]]:
    """Good and broken requests in a mixed order."""
    order = np.random.default_rng(1).permutation([True] * (requests - broken) + [False] * broken)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(lambda number: good(url, number), range(2 * AT_ONCE)))  # both workers have their memory now
        before, began = memory(pid), time.perf_counter()
        tasks = [threads.submit(good if fine else bad, url, number) for number, fine in enumerate(order)]
        right = [task.result() for task in tasks]
        seconds = time.perf_counter() - began
    after = memory(pid)
    shares = {kind: sum(one for one, fine in zip(right, order, strict=True) if fine == kind) for kind in (True, False)}
    mends = httpx.post(f"{url}api/capacity", files={"cover": ("c.png", COVERS[0])}, timeout=60).status_code == 200
    return [
        ("requests", requests),
        ("broken ones among them", broken),
        ("at once", AT_ONCE),
        ("good ones that were right", f"{shares[True]} of {requests - broken}"),
        ("broken ones that were refused as they should be", f"{shares[False]} of {broken}"),
        ("seconds", round(seconds, 1)),
        ("memory before, MB", round(before / 1e6)),
        ("memory after, MB", round(after / 1e6)),
        ("answers afterwards", "yes" if mends else "no"),
    ]


def good(url: str, number: int) -> bool:
    """Hides, comes again as long as the server is busy, and reveals without the server."""
    sent = {"cover": ("c.png", COVERS[number % len(COVERS)]), "secret": ("s.png", SECRET)}
    answer = patient(f"{url}api/hide", files=sent, data={"pass_phrase": PHRASE})
    return answer.status_code == 200 and isgan.reveal(answer.content, pass_phrase=PHRASE).secret.name == "s.png"


def bad(url: str, number: int) -> bool:
    """One of several kinds of broken requests: whether it was refused as it should be."""
    cover = COVERS[number % len(COVERS)]
    random = np.random.default_rng(number)
    damaged = bytearray(cover)
    for place in random.integers(100, len(cover), 20):
        damaged[place] ^= 1 + int(random.integers(255))
    fields = {"pass_phrase": PHRASE}
    match number % 6:
        case 0:
            answer = patient(f"{url}api/hide", files={"cover": ("c.png", cover[: len(cover) // 2]), "secret": ("s", b"x")}, data=fields)
        case 1:
            answer = patient(f"{url}api/hide", files={"cover": ("c.png", bytes(damaged)), "secret": ("s", b"x")}, data=fields)
        case 2:
            answer = patient(f"{url}api/reveal", files={"stego": ("c.png", cover)}, data=fields)
        case 3:
            answer = patient(f"{url}api/hide", content=random.bytes(5000), headers={"content-type": "multipart/form-data; boundary=x"})
        case 4:
            answer = patient(f"{url}api/hide", files={"cover": ("c.jpg", b"\xff\xd8\xff" + random.bytes(5000))}, data={"quality": "many"})
        case _:
            return broken_off(url, cover)
    return answer.status_code in (400, 422) and "\n" not in answer.json()["error"]


def broken_off(url: str, cover: bytes) -> bool:
    """A client that leaves in the middle of its job."""
    sent = {"cover": ("c.png", cover), "secret": ("s.png", SECRET)}
    try:
        answer = httpx.post(f"{url}api/hide", files=sent, data={"pass_phrase": PHRASE}, timeout=httpx.Timeout(60, read=0.2))
    except httpx.ReadTimeout:
        return True
    return answer.status_code == 503


def patient(url: str, **sent) -> httpx.Response:
    """An answer that is not "come again"."""
    while True:
        answer = httpx.post(url, timeout=600, **sent)
        if answer.status_code != 503:
            return answer
        time.sleep(0.2)


def memory(pid: int) -> int:
    """Bytes that a process and its children have for themselves, after they had time to give back."""
    time.sleep(2)
    return sum(own(process) for process in [pid, *children(pid)])


def children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())


def own(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(1024 * int(kilobytes) for kilobytes in re.findall(r"Private_\w+:\s+(\d+)", text))


def camera(url: str, photo: Path, rounds: int) -> list[tuple[str, object]]:
    """Seconds to hide in a photograph: by the command line, its start included, and as the page does it, until all is fetched."""
    data = photo.read_bytes()
    line, page = [], []
    with tempfile.TemporaryDirectory() as folder:
        secret, phrase = Path(folder) / "s.png", Path(folder) / "phrase"
        secret.write_bytes(SECRET)
        phrase.write_text(PHRASE)
        for number in range(rounds):
            command = ["hide", photo, secret, "-o", Path(folder) / f"{number}.jpg", "--pass-file", phrase, "--quiet"]
            began = time.perf_counter()
            subprocess.run([sys.executable, "-m", "isgan", *map(str, command)], check=True)
            line.append(time.perf_counter() - began)
            began = time.perf_counter()
            sent = {"cover": (photo.name, data), "secret": ("s.png", SECRET)}
            events = {"accept": "text/event-stream"}
            told = httpx.post(f"{url}api/hide", files=sent, data={"pass_phrase": PHRASE}, headers=events, timeout=600)
            for address in re.findall(r'"url": "/([^"]+)"', told.text):
                httpx.get(f"{url}{address}", timeout=60).raise_for_status()
            page.append(time.perf_counter() - began)
    with Image.open(io.BytesIO(data)) as image:
        pixels = image.width * image.height / 1e6
    return [
        ("megapixels", round(pixels, 1)),
        ("command line, seconds, median", round(statistics.median(line), 2)),
        ("page, seconds, median", round(statistics.median(page), 2)),
        ("command line, each", " ".join(f"{value:.2f}" for value in line)),
        ("page, each", " ".join(f"{value:.2f}" for value in page)),
    ]


if __name__ == "__main__":
    main()

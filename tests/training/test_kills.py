"""Training that is killed at any moment, again and again: every checkpoint loads, and the run goes on to its end."""

import subprocess
import sys
from pathlib import Path

from conftest import scene
from PIL import Image

from isgan.training.checkpoint import load_checkpoint
from isgan.training.loop import CHECKPOINT

KILLS = 8

# Forked, since starting Python with PyTorch would take nearly all of the time, and hardly a kill would meet a checkpoint.
SCRIPT = """
import os, random, signal, sys, time
from isgan.__main__ import main
from isgan.training.checkpoint import load_checkpoint
import isgan.training.run, torch
torch.set_num_threads(1)
checkpoint, kills, line = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
moment, last = random.Random(5), 0
for kill in range(kills):
    child = os.fork()
    if child == 0:
        os._exit(main(line + ["--resume"] * os.path.exists(checkpoint)))
    started = time.monotonic()
    while not os.path.exists(checkpoint) and time.monotonic() - started < 60:
        time.sleep(0.01)
    time.sleep(moment.uniform(0.05, 0.8))
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL, "the run ended by itself"
    from pathlib import Path
    step = load_checkpoint(Path(checkpoint))["step"]
    assert step >= last, (step, last)
    last = step
print(last)
"""


def test_killed_at_random_moments(tmp_path: Path):
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for number in range(8):
        Image.fromarray(scene(36, 40, number)).save(photographs / f"{number}.png")
    folder = tmp_path / "run"
    line = ["train", str(Path(__file__).with_name("tiny.toml")), "--data", str(photographs), "-o", str(folder), "--threads", "1"]
    line += ["--accelerator", "cpu", "--schedule.validate_every", "7", "--schedule.save_every", "1"]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder / CHECKPOINT), str(KILLS), *line, "--steps", "100000"],
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    last = int(done.stdout.splitlines()[-1])
    assert last > 5

    # It ends where a run ends: another dozen of steps. What a kill left of a checkpoint about to replace the old one goes.
    (folder / ".isgan-0123456789abcdef").write_bytes(b"half")
    ended = subprocess.run(
        [sys.executable, "-m", "isgan", *line, "--resume", "--steps", str(last + 12)], capture_output=True, text=True, timeout=180
    )
    assert ended.returncode == 0 and load_checkpoint(folder / CHECKPOINT)["step"] == last + 12
    assert not list(folder.rglob(".isgan-*"))

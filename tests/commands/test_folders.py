"""`isgan hide COVERS SECRETS -o FOLDER` and `isgan reveal FOLDER -o FOLDER`, as a user meets them; runs that are killed go on."""

import csv
import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import photos
import pytest
from PIL import Image

import isgan
from isgan.__main__ import main
from isgan.folders.pairs import stego_name
from isgan.folders.record import alone
from isgan.options import Options
from isgan.pipeline import own_name
from isgan.secret import Secret

PHRASE = "correct horse battery staple"
NOTES = {"a.txt": b"Meet me at noon.\r\n", "b.txt": b"Bring the map.", "c.bin": bytes(range(200))}


def photograph(side: int, number: int) -> Image.Image:
    """Any number of covers, of the three in examples/."""
    return Image.fromarray(np.rot90(photos.photograph(side, number % 3), number // 3).copy())


def run(*tokens: object) -> int:
    return main([str(token) for token in tokens])


@pytest.fixture
def folders(tmp_path, monkeypatch) -> Path:
    """The current folder, with three covers of 96 x 96 in `covers`, and three secrets, files and a picture, in `secrets`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISGAN_PASS", PHRASE)
    for name in ("covers", "secrets"):
        Path(name).mkdir()
    for number in range(3):
        photograph(96, number).save(f"covers/{'abc'[number]}.png")
    for name, data in NOTES.items():
        Path("secrets", name).write_bytes(data)
    return tmp_path


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def hidden(*more: object, code: int = 0) -> None:
    assert run("hide", "covers", "secrets", "-o", "out", "--risk", "high", "--jobs", 1, *more) == code


def told(capsys) -> str:
    return capsys.readouterr().err


@pytest.mark.parametrize("jobs", [1, 2])
def test_there_and_back(folders, capsys, jobs):
    assert run("hide", "covers", "secrets", "-o", "out", "--risk", "high", "--jobs", jobs, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["stego images"] == 3 and facts["failed"] == 0 and facts["results"] == "out.csv" and 40 < facts["stego dB, mean"] < 99
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.png", "b.png", "c.png"]  # nothing beside them
    assert run("reveal", "out", "-o", "back", "--jobs", jobs) == 0
    assert {path.name: path.read_bytes() for path in Path("back").iterdir()} == NOTES
    assert isgan.reveal("out/b.png", pass_phrase=PHRASE).secret.data == NOTES["b.txt"]


def test_the_results_say_what_was_done_and_nothing_of_the_pass_phrase(folders):
    hidden()
    table = rows("out.csv")
    assert [(row["stego"], row["cover"], row["secret"], row["error"]) for row in table] == [
        ("a.png", "a.png", "a.txt", ""), ("b.png", "b.png", "b.txt", ""), ("c.png", "c.png", "c.bin", "")]  # fmt: skip
    for row in table:
        assert float(row["stego dB"]) > 40 and float(row["stego SSIM"]) > 0.9 and 0 < float(row["rate"]) < 2 and float(row["seconds"]) > 0
    assert PHRASE not in Path("out.csv").read_text()
    assert stat.S_IMODE(Path("out.csv").stat().st_mode) == 0o600


def test_by_name_and_by_a_table(folders, capsys):
    Path("secrets/a.txt").rename("secrets/c.txt")
    Path("secrets/c.bin").unlink()
    hidden("--pairs", "name")
    assert "1 covers have no secret" in told(capsys)
    assert isgan.reveal("out/c.png", pass_phrase=PHRASE).secret.data == NOTES["a.txt"]
    Path("pairs.csv").write_text("cover,secret,stego\na.png,c.txt,holiday.png\n\nb.png, b.txt\n")
    assert run("hide", "covers", "secrets", "-o", "more", "--risk", "high", "--pairs", "pairs.csv") == 0
    assert sorted(path.name for path in Path("more").iterdir()) == ["b.png", "holiday.png"]
    assert isgan.reveal("more/holiday.png", pass_phrase=PHRASE).secret.data == NOTES["a.txt"]


def test_pairs_that_cannot_be_are_refused_before_anything_is_written(folders, capsys):
    def refused(table: str | None = None, how: str = "pairs.csv") -> str:
        if table is not None:
            Path("pairs.csv").write_text(table)
        capsys.readouterr()
        hidden("--pairs", how, code=2)
        assert not Path("out").exists() and not Path("out.csv").exists()
        err = told(capsys)
        assert err.count("\n") == 1
        return err

    assert "row 2: 'secrets/x.txt' is not there" in refused("a.png,a.txt\nb.png,x.txt")
    assert "for two secrets" in refused("a.png,a.txt\na.png,b.txt,other.png")
    assert "two stego images would be called 'a.png'" in refused("a.png,a.txt\nb.png,b.txt,A.png")
    assert "row 1" in refused("a.png")
    assert "leave out folders" in refused("a.png,a.txt,../a.png")
    assert "no pairs" in refused("cover,secret\n")
    assert "order, name, or a CSV file" in refused(how="nmae")
    Path("secrets/d.txt").write_text("d")
    assert "no cover is called like 'd.txt'" in refused(how="name")
    assert "4 secrets, and only 3 covers" in refused(how="order")


def test_litter_is_left_out_and_what_is_no_picture_is_named(folders, capsys):
    Path("covers/.hidden").write_text("x")
    Path("covers/Thumbs.db").write_text("x")
    Path("covers/readme.md").write_text("no picture")
    hidden()
    err = told(capsys)
    assert "'readme.md'" in err and "Thumbs" not in err and "hidden" not in err
    Path("empty").mkdir()
    for tokens in (("empty", "secrets"), ("covers", "empty")):
        assert run("hide", *tokens, "-o", "out2") == 2
        assert "there are no files in 'empty'" in told(capsys)
    assert run("hide", "covers", "secrets/a.txt", "-o", "out2") == 2
    assert "--split" in told(capsys)
    assert run("hide", "covers", "secrets", "-o", "covers") == 2
    assert "choose another folder" in told(capsys)


def test_failures_are_listed_and_tried_again(folders, capsys):
    Image.fromarray(np.full((96, 96, 3), 90, np.uint8)).save("covers/b.png")
    hidden(code=1)
    out, err = capsys.readouterr()
    assert "failed" in out and err.count("isgan: error: ") == 1 and "b.png: " in err and "one colour" in err
    assert [row["error"] != "" for row in rows("out.csv")] == [False, True, False]
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.png", "c.png"]
    photograph(96, 4).save("covers/b.png")
    before = Path("out/a.png").stat().st_mtime_ns
    hidden()
    assert isgan.reveal("out/b.png", pass_phrase=PHRASE).secret.data == NOTES["b.txt"]
    assert Path("out/a.png").stat().st_mtime_ns == before and not any(row["error"] for row in rows("out.csv"))


def test_a_finished_run_has_nothing_to_do_and_needs_no_pass_phrase(folders, capsys, monkeypatch):
    hidden()
    monkeypatch.delenv("ISGAN_PASS")
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    hidden()
    assert before == {path: path.stat().st_mtime_ns for path in Path().rglob("*")}


def test_what_changed_since_is_said(folders, capsys):
    hidden()
    data = Path("out/a.png").read_bytes()
    Path("out/a.png").write_bytes(data + b"!")
    Path("secrets/b.txt").write_bytes(b"another text")
    Path("out/c.png").unlink()
    hidden(code=1)
    err = told(capsys)
    assert "a.png: it was changed after it was made" in err and "b.png: it was made from other files" in err
    assert Path("out/a.png").read_bytes() == data + b"!" and Path("out/c.png").exists()
    hidden("--force")
    assert isgan.reveal("out/b.png", pass_phrase=PHRASE).secret.data == b"another text"


def test_other_options_or_another_pass_phrase_are_refused(folders, capsys, monkeypatch):
    hidden()
    Path("out/b.png").unlink()
    capsys.readouterr()
    assert run("hide", "covers", "secrets", "-o", "out", "--risk", "high", "--exact") == 2
    assert "began with risk=high, not with risk=high exact=True" in told(capsys)
    monkeypatch.setenv("ISGAN_PASS", "another one")
    hidden(code=2)
    assert "not the pass phrase that the run began with" in told(capsys) and not Path("out/b.png").exists()


def test_files_of_others_are_never_overwritten(folders, capsys):
    Path("out").mkdir()
    Path("out/b.png").write_bytes(b"precious")
    hidden(code=1)
    assert "exists" in told(capsys) and Path("out/b.png").read_bytes() == b"precious"
    Path("list.csv").write_text("my,own,table\n")
    for more in ((), ("--force",)):
        assert run("hide", "covers", "secrets", "-o", "out2", "--results", "list.csv", *more) == 2
        assert "no record of such a run" in told(capsys) and Path("list.csv").read_text() == "my,own,table\n"
    assert run("hide", "covers", "secrets", "-o", "out2", "--results", "out2/list.csv") == 2
    assert "outside the folder" in told(capsys)
    assert run("hide", "covers", "secrets", "-o", "-") == 2 and "a folder cannot go to standard output" in told(capsys)
    assert run("hide", "covers/a.png", "secrets/a.txt", "-o", "x.png", "--pairs", "name") == 2 and "for folders" in told(capsys)
    assert run("reveal", "covers/a.png", "-o", "x.txt", "--results", "x.csv") == 2 and "for folders" in told(capsys)


def test_two_runs_at_a_time_do_not_meet(folders, capsys, monkeypatch):
    monkeypatch.setattr("isgan.folders.record.PATIENCE", 0.2)
    Path("out").mkdir()
    with alone(Path("out")):
        hidden(code=2)
    assert "another run works in 'out'" in told(capsys)


def test_reveal_lists_what_gave_nothing_and_keeps_names_apart(folders, capsys):
    hidden()
    Path("out/cover.png").write_bytes(Path("covers/a.png").read_bytes())
    isgan.hide("covers/b.png", "secrets/a.txt", "out/second.png", pass_phrase=PHRASE, risk="high")
    assert run("reveal", "out", "-o", "back") == 1
    err = told(capsys)
    assert "cover.png: nothing found" in err and err.count("error") == 1
    assert sorted(path.name for path in Path("back").iterdir()) == ["a.txt", "b.txt", "c.bin", "second-a.txt"]
    Path("back/b.txt").unlink()
    assert run("reveal", "out", "-o", "back", "--json") == 1
    assert json.loads(capsys.readouterr().out)["of them before"] == 3
    assert len(list(Path("back").iterdir())) == 4


@pytest.mark.parametrize("name", ["IMG_1.JPG", "b.jpeg", "c.jpg"])
def test_a_camera_s_names_stay(name, tmp_path):
    photograph(32, 0).save(tmp_path / name, "JPEG")
    assert stego_name(tmp_path / name, Options()) == name
    photograph(32, 0).save(tmp_path / name, "PNG")  # whatever its name says
    assert stego_name(tmp_path / name, Options()) == f"{Path(name).stem}.png"
    assert stego_name(tmp_path / name, Options(jpeg_quality=95)) == name


@pytest.mark.parametrize("name", [".profile", "-rf", "=1+1", "..", "+1", "@a", "a.txt"])
def test_no_name_of_a_sender_is_obeyed(name):
    """By a shell, whose `*` gives it to a program, or by a program that shows tables."""
    own = own_name(Secret(data=b"x", name=name))
    assert own[0].isalnum() and own in (name.lstrip(".-=+@"), "secret")


def test_pictures_in_jpeg_and_png_in_python(folders):
    photograph(256, 1).save("covers/b.png")
    photograph(256, 2).save("covers/c.jpg", quality=95)
    Path("covers/c.png").unlink()
    done = isgan.hide_folder("covers", "secrets", "out", pass_phrase=PHRASE, risk="high")
    assert not done.failures and [row["stego"] for row in done.rows] == ["a.png", "b.png", "c.jpg"]
    done = isgan.reveal_folder("out", "back", pass_phrase=PHRASE, results="list.csv")
    assert not done.failures and done.results == Path("list.csv")
    assert {path.name: path.read_bytes() for path in Path("back").iterdir()} == NOTES
    with pytest.raises(isgan.IsganError, match="no pass phrase"):
        isgan.hide("covers/a.png", "secrets/a.txt")


def test_one_secret_in_several_covers(folders, capsys):
    photograph(160, 3).save("covers/d.png")
    secret = bytes(random.Random(1).randbytes(3000))
    Path("secret.bin").write_bytes(secret)
    assert run("hide", "covers", "secret.bin", "-o", "out", "--split", "--risk", "high", "--jobs", 2, "--json") == 0
    assert json.loads(capsys.readouterr().out)["parts"] == 4
    table = rows("out.csv")
    sizes = [int(row["bytes"]) - isgan.split.OVERHEAD for row in table]
    taken = [isgan.capacity(f"covers/{name}.png")["high"]["bytes"] - isgan.split.OVERHEAD for name in "abcd"]
    assert sum(sizes) == 3000 + 13 and 2.5 < sizes[3] / sizes[0] < 3.2
    assert all(abs(size - 3013 * room / sum(taken)) < 1 for size, room in zip(sizes, taken, strict=True))
    for name in "abcd":  # sent, and received under other names
        Path(f"out/{name}.png").rename(f"out/{chr(300 - ord(name))}.png")
    assert run("reveal", "out", "-o", "back", "--jobs", 2) == 0
    assert [path.read_bytes() for path in Path("back").iterdir()] == [secret]
    capsys.readouterr()
    one = min(Path("out").iterdir())
    assert run("reveal", one, "-o", "single.bin") == 2
    assert "this is part 4 of 4 of a secret: put all of them in a folder" in told(capsys)
    one.unlink()
    assert run("reveal", "out", "-o", "back2", "--jobs", 2) == 1
    assert "part 4 of 4 of a secret is missing" in told(capsys) and not any(Path("back2").iterdir())


def test_a_split_that_was_stopped_is_made_anew(folders, capsys):
    Path("secret.bin").write_bytes(bytes(range(250)) * 2)
    tokens = ("hide", "covers", "secret.bin", "-o", "out", "--split", "--risk", "high", "--jobs", 1)
    assert run(*tokens) == 0
    text = Path("out.csv").read_text().splitlines(keepends=True)
    Path("out.csv").write_text("".join(text[:-1]) + "c.png,c.png,part 3 of 3 of a secret,,,,,,,not finished,split risk=high,,\n")
    assert run(*tokens) == 0
    assert run("reveal", "out", "-o", "back", "--jobs", 1) == 0
    assert Path("back/secret.bin").read_bytes() == bytes(range(250)) * 2
    before = {path: path.stat().st_mtime_ns for path in Path("out").iterdir()}
    assert run(*tokens) == 0 and before == {path: path.stat().st_mtime_ns for path in Path("out").iterdir()}


def test_a_split_wants_every_cover(folders, capsys):
    Image.fromarray(np.full((96, 96, 3), 90, np.uint8)).save("covers/b.png")
    assert run("hide", "covers", "secrets/a.txt", "-o", "out", "--split", "--risk", "high") == 2
    assert "not every cover will do: 'b.png'" in told(capsys) and not Path("out").exists()
    assert run("hide", "covers", "secrets/a.txt", "-o", "out", "--split", "--risk", "high", "--model", "lsb332") == 2
    assert "cannot share" in told(capsys)


def test_what_a_split_is_not(folders, capsys):
    for tokens, words in [
        (("covers", "secrets"), "'secrets' is a folder: name a file"),
        (("covers/a.png", "secrets/a.txt"), "'covers/a.png' is none: name one"),
        (("covers", "secrets/a.txt", "--pairs", "name"), "--pairs and --split contradict"),
        (("secrets/a.txt", "--best-of", "covers"), "--best-of and --split contradict"),
    ]:
        assert run("hide", *tokens, "-o", "out", "--split") == 2
        assert words in told(capsys) and not Path("out").exists()
    with pytest.raises(isgan.IsganError, match="pairs and split contradict"):
        isgan.hide_folder("covers", "secrets/a.txt", "out", split=True, pairs="name", pass_phrase=PHRASE)


def test_a_run_that_is_killed_goes_on(folders):
    """Killed at five random moments, by the signal that cannot be caught and the one that can."""
    for number in range(3, 8):
        photograph(96, number).save(f"covers/{number}.png")
        Path(f"secrets/{number}.txt").write_text(f"secret {number}")
    tokens = [sys.executable, "-m", "isgan", "hide", "covers", "secrets", "-o", "out", "--risk", "high", "--jobs", "2"]
    moments = random.Random(7)
    made: set[str] = set()
    for number in range(5):
        # The first row appears when the work begins.
        before = len(Path("out.csv").read_bytes().splitlines()) if Path("out.csv").exists() else 0
        process = subprocess.Popen(tokens, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and (not Path("out.csv").exists() or len(Path("out.csv").read_bytes().splitlines()) <= before):
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.6))
        process.send_signal(signal.SIGKILL if number % 2 else signal.SIGTERM)
        assert process.wait() in (0, 143, -9)
        with alone(Path("out")):  # those who work for it have ended
            names = {path.name for path in Path("out").iterdir()}
        assert made <= names and not any(name.startswith(".") for name in names)
        made = names
        for name in names:
            with Image.open(Path("out", name)) as image:
                image.load()
    assert subprocess.run(tokens, check=False).returncode == 0
    assert isgan.reveal_folder("out", "back", pass_phrase=PHRASE).failures == []
    secrets = {path.name: path.read_bytes() for path in Path("secrets").iterdir()}
    assert len(secrets) == 8 and {path.name: path.read_bytes() for path in Path("back").iterdir()} == secrets
    assert len(rows("out.csv")) == 8 and not any(row["error"] for row in rows("out.csv"))


def test_a_row_that_was_cut_off_is_forgotten(folders):
    hidden()
    data = Path("out.csv").read_bytes()
    Path("out.csv").write_bytes(data[:-30])
    Path("out/c.png").unlink()  # its row is the one
    hidden()
    assert len(rows("out.csv")) == 3 and os.path.lexists("out/c.png")


def test_a_cover_under_two_names_is_refused(folders, capsys):
    Path("covers/c.png").write_bytes(Path("covers/a.png").read_bytes())
    hidden(code=2)
    assert "'a.png' and 'c.png' are the same file" in told(capsys)
    assert run("hide", "covers", "secrets/a.txt", "-o", "out", "--split", "--risk", "high") == 2
    assert "'a.png' and 'c.png' are the same file" in told(capsys) and not Path("out").exists()


def test_a_folder_s_results_go_to_a_folder(folders, capsys):
    assert run("hide", "covers", "secrets", "-o", "out.png") == 2
    assert "'out.png' is called like a file" in told(capsys)
    assert run("reveal", "covers", "-o", "x.PNG") == 2
    assert "-o FOLDER" in told(capsys) and not Path("x.PNG").exists()
    Path("there.png").mkdir()
    assert run("reveal", "covers", "-o", "there.png") == 1  # nothing is hidden there, and that alone is wrong
    assert "called like" not in told(capsys)


def test_secrets_of_one_name_are_all_kept(folders, capsys):
    hidden()
    for name in ("a.PNG", "a.Png", "A.png"):  # stego images that are called alike, too
        secret = f"secrets/{'b' if name == 'A.png' else 'a'}.txt"
        isgan.hide("covers/b.png", secret, Path("out", name), pass_phrase=PHRASE, risk="high")
    for name in ("b.png", "c.png"):
        Path("out", name).unlink()
    assert run("reveal", "out", "-o", "back", "--jobs", 1) == 0
    found = {path.name: path.read_bytes() for path in Path("back").iterdir()}
    assert found == {"b.txt": NOTES["b.txt"]} | dict.fromkeys(("a.txt", "a-a.txt", "a-a-2.txt"), NOTES["a.txt"])


def test_a_run_that_is_killed_makes_nobody_s_file_its_own(folders, capsys, monkeypatch):
    Path("out").mkdir()
    Path("out/a.png").write_bytes(b"precious")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("isgan.folders.hiding._hide", killed)
        hidden(code=130)
    hidden(code=1)
    assert "exists" in told(capsys) and Path("out/a.png").read_bytes() == b"precious"

"""Every command and every Python block of the README and of the documentation runs as it stands, in a folder with a few photographs."""

import csv
import re
import shlex
import shutil
from pathlib import Path

import pytest
from PIL import Image
from registries import registries

from isgan import risk
from isgan.__main__ import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = sorted((ROOT / "examples").glob("*/*.png"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path) -> list[tuple[str, str]]:
    """The blocks of a page that are to run, as they come: language and text."""
    return re.findall(r"^```(sh|python)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What a reader has in front of them: a JPEG, two pictures, a text, folders of covers, secrets and photographs, the recipes; and a pass
    phrase."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISGAN_PASS", "correct horse battery staple")
    shutil.copy(EXAMPLES[0], "cover.png")
    Image.open(EXAMPLES[-1]).resize((64, 64)).save("secret.png")
    Image.open(EXAMPLES[0]).convert("RGB").resize((1536, 1536), Image.Resampling.LANCZOS).save("photo.jpg", quality=90)
    Path("notes.txt").write_text("Meet me at noon.\n")
    Path("inbox").mkdir()
    shutil.copytree(ROOT / "recipes", "recipes")
    for name in ("covers", "secrets"):
        shutil.copytree(ROOT / "examples" / name, name)
        shutil.copytree(ROOT / "examples" / name, Path("examples", name))
    for split in ("train", "val", "test"):
        Path("photos", split).mkdir(parents=True)
        for copy in range(3 if split == "train" else 1):  # a batch of 8 pairs takes 16 photographs
            for photograph in EXAMPLES if split == "train" else EXAMPLES[:2]:
                shutil.copy(photograph, Path("photos", split, f"{copy}-{photograph.name}"))
    source = Image.open(EXAMPLES[0]).convert("RGB")
    for split, count in (("train", 100), ("val", 1), ("test", 4)):
        Path("lfw", split).mkdir(parents=True)
        for number in range(count):
            source.crop((number, number, number + 100, number + 100)).save(Path("lfw", split, f"{number}.png"))
    return tmp_path


@pytest.fixture
def parts():
    """What a page registers is forgotten again."""
    known = [(registry, dict(registry._parts)) for registry in registries() if registry.names()]
    yield
    for registry, before in known:
        registry._parts = before


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.stem)
def test_every_block_runs(page, folder, parts, capsys):
    names: dict = {}
    for language, text in blocks(page):
        if language == "python":
            exec(text, names)
            continue
        for command in text.replace("\\\n", " ").splitlines():
            words = shlex.split(command, comments=True)
            if words[:1] == ["isgan"]:
                assert main(words[1:]) in (0, None), (command, capsys.readouterr().err)
            else:
                assert not words or words[0] in ("make", "pip"), f"{command}: nothing but isgan can be run here"


def test_the_readme_does_what_it_says(folder, capsys):
    for language, text in blocks(ROOT / "README.md"):
        for line in text.splitlines() if language == "sh" else ():
            if line.startswith(("isgan hide", "isgan reveal")) and "--model" not in line:
                assert main(shlex.split(line, comments=True)[1:]) in (0, None)
    assert Path("inbox/notes.txt").read_text() == "Meet me at noon.\n"


def test_make_targets_exist():
    targets = re.findall(r"^make (\w+)", README, re.MULTILINE)
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target


@pytest.mark.parametrize("page", [*PAGES, *sorted((ROOT / "docs").glob("*/**/*.md"))], ids=lambda page: str(page.relative_to(ROOT)))
def test_files_and_folders_that_are_named_exist(page):
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\((?!http)([^)#\s]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), target


def test_the_site_has_every_page():
    listed = set(re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    for name in listed:
        assert (ROOT / "docs" / name).is_file(), name
    assert {page.name for page in (ROOT / "docs").glob("*.md")} <= listed


def test_the_table_is_what_evaluate_wrote():
    with (ROOT / "docs/results/methods.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    shown = re.findall(r"^\| `([\w-]+)` \| ([\d.]+) \| ([\w.]+) \| (\d+) % \|", README, re.MULTILINE)
    assert len(shown) == 6
    for name, *figures in shown:
        own = [row for row in rows if row["model"] == name]
        assert len(own) == 30
        for figure, column, share in zip(figures, ("stego_psnr", "secret_psnr", "changed"), (1, 1, 100), strict=True):
            mean = share * sum(float(row[column]) for row in own) / len(own)
            assert mean == (float("inf") if figure == "exact" else pytest.approx(float(figure), abs=0.51 if share > 1 else 0.0051))


def test_the_table_of_detectors_is_what_was_measured():
    with (ROOT / "docs/results/strategies.csv").open(newline="") as file:
        measured = {row["bytes"]: row for row in csv.DictReader(file)
                    if (row["cost"], row["strategy"], row["model-based"]) == ("hill", "cmdc", "")}  # fmt: skip
    shown = re.findall(r"^\| ([\d,]+) bytes \| ([\d.]+) \| ([\d.]+) % \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", README, re.MULTILINE)
    curve, root = risk.measured("png", "hill", "cmdc"), (3 * 256 * 256) ** 0.5
    assert len(shown) == 4
    for size, stego, changed, audited, crm, spam in shown:
        row = measured[size.replace(",", "")]
        assert float(stego) == pytest.approx(float(row["stego dB"]), abs=0.051)
        assert float(changed) == pytest.approx(100 * float(row["samples changed"]), abs=0.051)
        assert float(audited) == round(risk.p_e_at(8 * int(row["bytes"]) / root, curve), 2)
        assert float(crm) == float(row["P_E CRM"]) and float(spam) == float(row["P_E SPAM x 3"])

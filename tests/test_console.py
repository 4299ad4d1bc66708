"""What commands print: rows as a table, and the progress of training."""

import io

import pytest
from rich.console import Console

from isgan import console
from isgan.console import TrainingProgress


def test_rows_are_a_markdown_table():
    rows = [{"set": "lfw", "stego_psnr": 50.126, "changed": 0.12345, "pairs": 3},
            {"set": "a longer name", "stego_psnr": "", "changed": 1.0, "pairs": 40}]  # fmt: skip
    assert console.text(rows).splitlines() == [
        "| set           | stego psnr | changed | pairs |",
        "|---------------|------------|---------|-------|",
        "| lfw           | 50.13      | 0.1235  | 3     |",
        "| a longer name |            | 1.0000  | 40    |",
    ]


def test_sentences_stand_below_rows_that_would_be_wider_than_the_terminal(monkeypatch):
    words = "it sees changes of neighbours in pictures that were JPEG files before"
    rows = [{"detector": "spam", "sees": words, "seconds": 0.03}, {"detector": "crm", "sees": "", "seconds": 1.0}]
    monkeypatch.setenv("COLUMNS", "60")
    assert console.text(rows).splitlines() == [
        "| detector | seconds |",
        "|----------|---------|",
        "| spam     | 0.03    |",
        "    it sees changes of neighbours in pictures that were JPEG",
        "    files before",
        "| crm      | 1.00    |",
    ]
    monkeypatch.setenv("COLUMNS", "120")
    assert words in console.text(rows).splitlines()[2]


@pytest.mark.parametrize("quiet", [False, True])
def test_the_progress_of_training(monkeypatch, quiet):
    """Validations and notes stay as lines; nothing at all if it is to be quiet."""
    monkeypatch.setattr(console, "quiet", quiet)
    with TrainingProgress() as progress:
        progress.console.file = io.StringIO()
        progress.reading(1, 2)
        progress.step(1, 0.5, 0.25)
        row = {"step": 1, "minutes": 0.5, "set": "lfw", "stego_psnr": 40.0, "stego_ssim": 0.9, "secret_psnr": 30.0, "secret_ssim": 0.8}
        progress.validation([row | {"accuracy_cover": 0.5, "accuracy_stego": 0.75}])
        progress.note("done")
        lines = progress.console.file.getvalue().splitlines()
    assert lines == ([] if quiet else [
        "step 1, 0.5 min, stego/secret PSNR/SSIM: lfw 40.00/0.9000 30.00/0.8000 | steganalyzer right on covers 50%, on stego images 75%",
        "done",
    ])  # fmt: skip
    assert isinstance(progress.console, Console)

"""The manual page is the one of today's commands, and one that `man` reads; the shells complete what there is."""

import shutil
import subprocess
from pathlib import Path

import pytest

from isgan.__main__ import app, main
from isgan.manual import _text

PAGE = Path(__file__).parent.parent / "docs" / "isgan.1"


@pytest.fixture
def printed(capsys):
    """What a command prints."""

    def output(*tokens: str) -> str:
        assert main(tokens) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out

    return output


def needs(*programs: str):
    missing = [program for program in programs if not shutil.which(program)]
    return pytest.mark.skipif(bool(missing), reason=f"no {', '.join(missing)} here")


def run(*command: str, text: str | None = None) -> str:
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, timeout=60).stdout


def test_the_page_that_is_installed_is_up_to_date(printed):
    assert PAGE.read_text(encoding="utf-8") == printed("manual"), "write it anew: isgan manual > docs/isgan.1"


def test_every_command_and_option_is_in_it(printed):
    page = printed("manual")
    commands = [name for name in app().resolved_commands() if not name.startswith("-")]
    assert {"hide", "reveal", "capacity", "check", "completion", "manual"} <= {*commands}
    for name in commands:
        part = page[page.index(f".SS isgan {name}\n") :].split("\n.S")[0]
        for argument in app()[name].assemble_argument_collection():
            written = [f"\\fB{known}\\fR".replace("-", "\\-") in part for known in argument.names]
            assert all(written) or not argument.show, (name, argument.names)
    assert "How much may be hidden" in page and "Parameters" not in page


def test_text_is_never_a_request_of_roff():
    assert _text(".SH no heading") == "\\&.SH no heading" and _text("'tis") == "\\&'tis"
    assert _text("a\n.b \\n[x] --exact `code`") == "a .b \\en[x] \\-\\-exact \\fBcode\\fR"


@needs("man")
def test_man_shows_it():
    shown = run("man", "-l", str(PAGE))
    assert all(word in shown for word in ("NAME", "isgan hide", "--best-of", "EXIT STATUS", "ISGAN_PASS"))


@needs("mandoc")
def test_mandoc_finds_no_error_in_it():
    subprocess.run(["mandoc", "-T", "lint", "-W", "error", PAGE], check=True)


# ---------------------------------------------------------------------------------------------------- completion

BASH = """
source {script}
COMP_WORDS=({words} '{last}'); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _isgan; printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def bash(printed, tmp_path):
    script = tmp_path / "isgan.bash"
    script.write_text(printed("completion", "bash"))

    def completed(words: str, last: str) -> set[str]:
        return {*run("bash", "-c", BASH.format(script=script, words=words, last=last)).split()}

    return completed


@needs("bash")
def test_bash_completes(bash, tmp_path):
    assert {"hide", "reveal", "capacity"} <= bash("isgan", "")
    assert bash("isgan", "hi") == {"hide"}
    assert {"--risk", "--scale", "--frame"} <= bash("isgan hide", "--") and bash("isgan hide", "--ri") == {"--risk"}
    assert bash("isgan hide --risk", "") == {"low", "medium", "high"}
    assert bash("isgan completion", "") == {"bash", "zsh", "fish"}
    assert {"--json", "--quiet"} <= bash("isgan", "--") & bash("isgan hide", "--") & bash("isgan models", "--")


@needs("fish")
def test_fish_completes(printed, tmp_path):
    script = tmp_path / "isgan.fish"
    script.write_text(printed("completion", "fish"))

    def completed(line: str) -> set[str]:
        return {found.split("\t")[0] for found in run("fish", "-c", f"source {script}; complete -C '{line}'").splitlines()}

    assert {"hide", "reveal"} <= completed("isgan ")
    assert "--risk" in completed("isgan hide --ri")
    assert {"low", "medium", "high"} <= completed("isgan hide --risk ")
    assert "--json" in completed("isgan models --js")
    assert "prints its result as JSON" not in script.read_text() and "-d 'Prints its result as JSON.'" in script.read_text()


@needs("zsh")
def test_zsh_takes_the_script(printed, tmp_path):
    (tmp_path / "_isgan").write_text(printed("completion", "zsh"))
    loaded = f"fpath=({tmp_path} $fpath); autoload -U compinit; compinit -u -d {tmp_path}/dump; autoload +X _isgan; print $_comps[isgan]"
    assert run("zsh", "-f", "-c", loaded).strip() == "_isgan"
    assert run("zsh", "-n", str(tmp_path / "_isgan")) == ""

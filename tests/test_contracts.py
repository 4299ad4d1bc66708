"""The registries: a part is one file, found by its name. What the parts owe their contracts is tested beside each
kind."""

import subprocess
import sys
from pathlib import Path

import pytest
from registries import registries

from isgan.errors import IsganError
from isgan.registry import Registry

REGISTRIES = registries()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty package called `menagerie`, with a registry."""
    folder = tmp_path / "menagerie"
    folder.mkdir()
    folder.joinpath("__init__.py").write_text(
        'from isgan.registry import Registry\n\nbeasts = Registry("beast", "menagerie")\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "menagerie"]:
        del sys.modules[name]


def beast(package: Path, file: str, *names: str) -> None:
    lines = ["from menagerie import beasts"]
    for name in names:
        lines += [f'@beasts.register("{name}")', f"class {name.title()}:", "    pass"]
    package.joinpath(f"{file}.py").write_text("\n".join(lines) + "\n")


def test_adding_a_file_is_enough(package):
    beast(package, "cats", "lynx", "ocelot")
    beast(package, "birds", "heron")
    from menagerie import beasts

    assert "menagerie.cats" not in sys.modules  # nothing is imported until a name is asked for
    assert beasts.names() == ["heron", "lynx", "ocelot"]
    assert beasts["lynx"].__name__ == "Lynx" and beasts.name_of(beasts["lynx"]) == "lynx"


def test_unknown_names(package):
    beast(package, "cats", "lynx", "ocelot")
    from menagerie import beasts

    with pytest.raises(IsganError, match=r"^unknown beast 'ozelot': did you mean 'ocelot'\?$"):
        beasts["ozelot"]
    with pytest.raises(IsganError, match=r"^unknown beast 'whale': known: lynx, ocelot$"):
        beasts["whale"]


def test_an_empty_registry(package):
    from menagerie import beasts

    assert beasts.names() == []
    with pytest.raises(IsganError, match="known: none"):
        beasts["lynx"]


def test_two_parts_of_one_name(package):
    beast(package, "cats", "lynx")
    beast(package, "more_cats", "lynx")
    from menagerie import beasts

    with pytest.raises(ValueError, match="two beasts are called 'lynx'"):
        beasts.names()


def test_a_part_that_does_not_import_is_not_passed_over(package):
    beast(package, "cats", "lynx")
    package.joinpath("dogs.py").write_text("import no_such_module_anywhere\n")
    from menagerie import beasts

    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
            beasts.names()


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_every_file_of_a_folder_registers_something(registry: Registry):
    """But for files that say in their first line what several of them share."""
    parts = {registry[name].__module__ for name in registry.names()}
    assert parts and registry.names() == sorted(set(registry.names()))
    for name in registry.names():
        assert registry.name_of(registry[name]) == name and registry[name].__doc__
        assert registry[name].__module__.startswith(f"{registry.package}.")


def test_there_are_registries():
    assert len({registry.package for registry in REGISTRIES}) == len(REGISTRIES) > 5


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_importing_a_folder_imports_none_of_its_parts(registry: Registry):
    code = f"""import sys, {registry.package}
parts = [name for name in sys.modules if name.startswith('{registry.package}.') and not name.endswith('.base')]
sys.exit('torch' in sys.modules or bool(parts))"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

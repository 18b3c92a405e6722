"""Which build is run, if any."""

import os
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from edge import compiled
from edge.compiled import LIBRARY, MODULES, OFF, SWITCH, build_folder, find_build, paths_of

SAY = "import edge.compiled; print(edge.compiled.is_compiled())"


def run(script: str, switch: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, SWITCH: switch},
        capture_output=True,
        text=True,
        check=True,
    )


def says(script: str, switch: str) -> str:
    """What a process that imports the edge says, in a word."""
    return run(script, switch).stdout.strip()


def test_all_modules_are_there():
    assert all((compiled.ROOT / path).is_file() for path in paths_of(MODULES))


def test_without_a_build_the_interpreter_runs_them(tmp_path: Path):
    assert says(SAY, str(tmp_path)) == "False"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a build whose files are there, and empty."""
    monkeypatch.setenv(SWITCH, str(tmp_path))
    made = build_folder()
    for path in (f"{LIBRARY}.py", *paths_of(MODULES)):
        file = made / f"{path.removesuffix('.py')}{EXTENSION_SUFFIXES[0]}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    monkeypatch.delenv(SWITCH)
    return made


def switch_of(folder: Path) -> str:
    return str(folder.parents[1])


def test_a_build_is_found_when_it_is_whole(folder: Path):
    script = "import edge.compiled; print(edge.compiled.find_build() is not None)"
    assert says(script, switch_of(folder)) == "True"
    assert says(script, OFF) == "False"
    next(folder.rglob("lane*")).unlink()
    assert says(script, switch_of(folder)) == "False"


def test_a_build_that_cannot_be_loaded_is_left_alone(folder: Path):
    done = run(f"{SAY}; import edge.lane", switch_of(folder))
    assert done.stdout.strip() == "False"
    assert "the compiled modules cannot be loaded" in done.stderr


def test_sources_that_cannot_be_read_are_left_to_the_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(compiled, "ROOT", tmp_path)
    monkeypatch.delenv(SWITCH)
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "lane.py").symlink_to("nowhere")
    assert find_build() is None


def test_what_editors_leave_is_no_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compiled, "ROOT", tmp_path)
    (tmp_path / "edge").mkdir()
    before = build_folder()
    (tmp_path / "edge" / ".#lane.py").symlink_to("nowhere")
    assert build_folder() == before


def test_another_source_is_another_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compiled, "ROOT", tmp_path)
    module, of_a_test = tmp_path / "edge" / "lane.py", tmp_path / "edge" / "tests" / "test_lane.py"
    of_a_test.parent.mkdir(parents=True)
    module.write_text("a = 1")
    first = build_folder()
    of_a_test.write_text("b = 1")
    assert build_folder() == first
    module.write_text("a = 2")
    assert build_folder() != first

"""Which build is run, if any."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge import compiled
from edge.compiled import LIBRARY, MODULES, OFF, SWITCH, build_folder, paths_of

SAY = "import edge.compiled; print(edge.compiled.is_compiled())"


def says(script: str, switch: str) -> str:
    """What a process that imports the edge says, in a word."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, SWITCH: switch},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_all_modules_are_there():
    assert all((compiled.ROOT / path).is_file() for path in paths_of(MODULES))


def test_without_a_build_the_interpreter_runs_them(tmp_path: Path):
    assert says(SAY, str(tmp_path)) == "False"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a build in which nothing is."""
    monkeypatch.setenv(SWITCH, str(tmp_path))
    made = build_folder()
    made.mkdir()
    return made


def test_a_build_of_these_sources_is_run(folder: Path):
    assert says(SAY, str(folder.parent)) == "True"
    where = f"import {LIBRARY}"  # It is looked for there, and there alone.
    with pytest.raises(subprocess.CalledProcessError) as told:
        says(f"import edge; {where}", str(folder.parent))
    assert str(folder) in told.value.stderr


def test_none_is_run_when_it_is_switched_off(folder: Path):
    assert folder.is_dir()
    assert says(SAY, OFF) == "False"


def test_none_is_run_once_one_of_the_modules_has_been_imported(folder: Path):
    assert says(f"import drm.tokens; {SAY}", str(folder.parent)) == "False"


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

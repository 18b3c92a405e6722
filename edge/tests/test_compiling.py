"""The compiled modules do what they do in the interpreter: their own tests say so."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge.compiled import MODULES, ROOT, SWITCH, paths_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MORE_TESTS = ("edge/tests/test_connection.py", "edge/tests/test_lane_disk.py")
FILES_OF = """
import importlib, sys, edge
for name in sys.argv[1:]:
    print(importlib.import_module(name).__file__)
"""
SAMPLE = "loadtest/tests/test_lanes.py::test_nobody_can_tell_which_road_was_taken"


def run(*arguments: str, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run Python as the tests do, and tell how it went."""
    command = [sys.executable, *arguments]
    environment = {**os.environ, **env}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a build, made in little time."""
    header = Path(sysconfig.get_path("include"), "Python.h")
    if shutil.which("cc") is None or not header.is_file():
        pytest.skip("there is no C compiler, or no header of Python")
    folder = tmp_path_factory.mktemp("builds")
    done = run("-m", "edge.compiling", "--level", "0", env={SWITCH: str(folder)})
    assert done.returncode == 0, done.stderr
    return folder


def test_all_modules_come_from_the_build(builds: Path):
    done = run("-c", FILES_OF, *MODULES, env={SWITCH: str(builds)})
    files = done.stdout.split()
    assert len(files) == len(MODULES)
    assert all(file.startswith(str(builds)) for file in files), files


def test_a_build_is_made_once_and_others_are_dropped_that_are_ours(builds: Path):
    (folder,) = (builds / "attacca-compiled").iterdir()
    made = folder.stat().st_mtime_ns
    kept = builds / "attacca-compiled" / "of somebody else"
    kept.mkdir()
    done = run("-m", "edge.compiling", env={SWITCH: str(builds), "CC": "/no/compiler"})
    assert done.returncode == 0, done.stderr
    assert folder.stat().st_mtime_ns == made
    assert kept.is_dir()


def test_a_module_that_was_imported_before_leaves_all_to_the_interpreter(builds: Path):
    script = "import drm.tokens, edge.compiled; print(edge.compiled.is_compiled())"
    assert run("-c", script, env={SWITCH: str(builds)}).stdout == "False\n"


def test_tests_of_the_modules_hold_for_the_build(builds: Path):
    paths = [Path(path) for path in paths_of(MODULES)]
    tests = [path.parent / "tests" / f"test_{path.name}" for path in paths]
    there = [str(test) for test in tests if (ROOT / test).is_file()]
    assert len(there) > len(MODULES) // 2
    options = ("-p", "no:cacheprovider", "-n", "0")
    done = run("-m", "pytest", *options, *there, *MORE_TESTS, SAMPLE, env={SWITCH: str(builds)})
    assert done.returncode == 0, done.stdout[-4000:]
    assert "edge: compiled" in done.stdout


def test_what_is_missing_is_told(tmp_path: Path):
    done = run("-m", "edge.compiling", env={SWITCH: str(tmp_path), "CC": "/no/compiler"})
    assert done.returncode == 1
    assert "no C compiler: /no/compiler" in done.stderr
    assert not list(tmp_path.iterdir())

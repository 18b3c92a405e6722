"""`python -m edge.compiling`: compile the modules on the way of a hit; see `edge.compiled`.

It takes half a minute, mypy, a C compiler, and the headers of Python. What is running goes on with
the code that it has; whatever is started afterwards runs the compiled modules.
"""

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Final

from edge.compiled import GROUP, MODULES, OFF, ROOT, SWITCH, build_folder, is_whole, paths_of

# Run in a process of its own: mypyc and setuptools end theirs when they fail.
_SCRIPT: Final = """
import sys
from mypyc.build import mypycify
from setuptools import setup
group, level, target, *paths = sys.argv[1:]
extensions = mypycify(
    paths, group_name=group, opt_level=level, debug_level="0", target_dir=f"{target}/c"
)
setup(
    name=group,
    ext_modules=extensions,
    script_args=[
        "--quiet", "build_ext", f"--build-lib={target}/lib", f"--build-temp={target}/temp"
    ],
)
"""
_NAME: Final = re.compile(r"[0-9a-f]{32}")
_MESSAGE_CHARS_MAX: Final = 2000


class CompilingError(Exception):
    """It cannot be compiled here; the text says what is missing, or wrong."""


def compile_modules(*, level: int = 3) -> Path:
    """Compile, unless that has been done; builds from other sources are dropped.

    Args:
        level: how much the C compiler optimizes.

    Raises:
        CompilingError: it cannot be compiled here.
        OSError: what was made cannot be kept.
    """
    folder = build_folder()
    if is_whole(folder):
        return folder
    _check_tools()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-") as made:
        built = Path(made, "lib")
        _build(Path(made), level)
        _keep(built)
        for path in folder.parent.iterdir():
            if _NAME.fullmatch(path.name) and (path != folder or not is_whole(path)):
                shutil.rmtree(path, ignore_errors=True)
        try:
            built.rename(folder)
        except OSError:
            if not is_whole(folder):  # Else somebody has been quicker.
                raise
    return folder


def _keep(folder: Path) -> None:
    """See that all files of a folder are on the disk, as they are."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _check_tools() -> None:
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    if shutil.which(compiler.split()[0]) is None:
        raise CompilingError(f"there is no C compiler: {compiler} (on Debian: gcc, libc6-dev)")
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        raise CompilingError("the headers of Python are not there (on Debian: python3-dev)")
    if importlib.util.find_spec("mypyc") is None:
        raise CompilingError("mypy is not installed: `make install-test` does that")


def _build(target: Path, level: int) -> None:
    command = [sys.executable, "-c", _SCRIPT, GROUP, str(level), str(target)]
    environment = {**os.environ, SWITCH: OFF}
    done = subprocess.run(  # noqa: S603 - our own words
        [*command, *paths_of(MODULES)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CompilingError((done.stdout + done.stderr)[-_MESSAGE_CHARS_MAX:].strip())


def main() -> int:
    """Compile, and say where it is; 1 if that cannot be done here."""
    parser = argparse.ArgumentParser(prog="edge.compiling", description=__doc__)
    parser.add_argument("--level", type=int, default=3, help="of the C compiler's optimization")
    try:
        folder = compile_modules(level=parser.parse_args().level)
    except (CompilingError, OSError) as error:
        print(f"{error}\nThe edge runs without that, too.", file=sys.stderr)  # noqa: T201 - a command
        return 1
    print(f"compiled into {folder}")  # noqa: T201 - it is a command
    return 0


if __name__ == "__main__":
    sys.exit(main())

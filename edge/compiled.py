"""The modules on the way of a hit as machine code, where they have been compiled.

`python -m edge.compiling` compiles what stands in `MODULES`, unchanged, by mypyc. A build is known
by the sources that it was made from, so code that has changed since is never run as it was. Without
a build the interpreter runs the same modules. The environment's `ATTACCA_COMPILED` is `off` to do
without one, or where builds are, which else is the environment that the interpreter runs in.

Compiled modules lean on each other's layout, so it is all of them or none.
"""

import hashlib
import importlib
import importlib.machinery
import importlib.util
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import Final

from typing_extensions import override

logger = logging.getLogger(__name__)

MODULES: Final = (
    "drm.tokens",
    "edge.arrivals",
    "edge.disk.folder_reads",
    "edge.eviction.clock",
    "edge.eviction.linked_queue",
    "edge.eviction.lru",
    "edge.eviction.queued_policy",
    "edge.eviction.s3fifo",
    "edge.fronts",
    "edge.hit_head",
    "edge.hit_line",
    "edge.hit_sending",
    "edge.hit_writing",
    "edge.kept_slices",
    "edge.lane",
    "edge.metrics",
    "edge.origin_budget",
    "edge.plain_requests",
    "edge.representation",
    "edge.slice_files",
    "edge.slices",
    "edge.stored_slice",
    "edge.tls.openssl",
    "edge.tls.transport",
)

# All compiled modules are in one library, beside a stub for each of them.
GROUP: Final = "attacca_edge"
LIBRARY: Final = f"{GROUP}__mypyc"

SWITCH: Final = "ATTACCA_COMPILED"
OFF: Final = "off"

ROOT: Final = Path(__file__).parents[1]
# What compiled code may have taken constants from.
_SOURCES: Final = ("config", "drm", "edge", "http_semantics")
_SUFFIX: Final = importlib.machinery.EXTENSION_SUFFIXES[0]


def build_folder() -> Path:
    """Where a build from the sources as they are now is, or would be.

    Raises:
        OSError: they cannot be read.
    """
    digest = hashlib.sha256(_SUFFIX.encode())
    for name in _SOURCES:
        for path in sorted((ROOT / name).rglob("[!.]*.py")):
            if "tests" not in path.parts:
                text = path.read_bytes()
                digest.update(b"%b %d " % (bytes(path.relative_to(ROOT)), len(text)))
                digest.update(text)
    beside = os.environ.get(SWITCH) or sys.prefix
    return Path(beside, "attacca-compiled", digest.hexdigest()[:32]).absolute()


def is_whole(folder: Path) -> bool:
    """Whether there is a build in a folder, with all that belongs to it."""
    try:
        return all(_file_of(name, folder).is_file() for name in (LIBRARY, *MODULES))
    except OSError:  # It is for others.
        return False


def find_build() -> Path | None:
    """The build that a process runs which is started now; None if it runs none."""
    if os.environ.get(SWITCH) == OFF:
        return None
    try:
        folder = build_folder()
    except OSError:
        return None
    return folder if is_whole(folder) else None


def use_compiled() -> None:
    """Have the compiled modules imported from now on, if there are any.

    Where one of the others has been imported already all are left to the interpreter, and where
    what was compiled cannot be loaded.
    """
    folder = find_build() if sys.modules.keys().isdisjoint(MODULES) else None
    if folder is None:
        return
    finder = _Finder(folder)
    sys.meta_path.insert(0, finder)
    try:
        importlib.import_module(LIBRARY)
    except ImportError as error:
        sys.meta_path.remove(finder)
        logger.warning("the compiled modules cannot be loaded", extra={"reason": str(error)})


def is_compiled() -> bool:
    """Whether this process runs the compiled modules."""
    return any(isinstance(one, _Finder) for one in sys.meta_path)


def paths_of(names: Iterable[str]) -> list[str]:
    """Where the sources of modules are, below `ROOT`."""
    return [f"{name.replace('.', '/')}.py" for name in names]


def _file_of(name: str, folder: Path) -> Path:
    return folder / f"{name.replace('.', '/')}{_SUFFIX}"


class _Finder(MetaPathFinder):
    """Finds compiled modules in a folder.

    Args:
        folder: with the library, and a stub of each module.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        if fullname != LIBRARY and fullname not in MODULES:
            return None
        file = str(_file_of(fullname, self._folder))
        loader = importlib.machinery.ExtensionFileLoader(fullname, file)
        return importlib.util.spec_from_file_location(fullname, file, loader=loader)

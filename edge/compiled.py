"""The modules on the way of a hit as machine code, where they have been compiled.

`python -m edge.compiling` compiles what stands in `MODULES`, unchanged, by mypyc. A build is known
by the sources that it was made from, so code that has changed since is never run as it was. Without
a build the interpreter runs the same modules. The environment's `ATTACCA_COMPILED` is `off` to do
without one, or the folder of builds, which else is beside the interpreter.

Compiled modules lean on each other's layout, so it is all of them or none.
"""

import hashlib
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Iterable, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import Final

from typing_extensions import override

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
    """Where a build from the sources as they are now is, or would be."""
    digest = hashlib.sha256(_SUFFIX.encode())
    for name in _SOURCES:
        for path in sorted((ROOT / name).rglob("*.py")):
            if "tests" not in path.parts:
                digest.update(b"%b %d " % (bytes(path.relative_to(ROOT)), path.stat().st_size))
                digest.update(path.read_bytes())
    folders = os.environ.get(SWITCH) or Path(sys.prefix, "compiled")
    return Path(folders, digest.hexdigest()[:32])


def has_build() -> bool:
    """Whether a process that is started now runs the compiled modules."""
    return os.environ.get(SWITCH) != OFF and build_folder().is_dir()


def use_compiled() -> None:
    """Have the compiled modules imported from now on, if there are any.

    Where one of the others has been imported already all are left to the interpreter.
    """
    if sys.modules.keys().isdisjoint(MODULES) and has_build():
        sys.meta_path.insert(0, _Finder(build_folder()))


def is_compiled() -> bool:
    """Whether this process runs the compiled modules."""
    return any(isinstance(one, _Finder) for one in sys.meta_path)


def paths_of(names: Iterable[str]) -> list[str]:
    """Where the sources of modules are, below `ROOT`."""
    return [f"{name.replace('.', '/')}.py" for name in names]


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
        file = str(self._folder / f"{fullname.replace('.', '/')}{_SUFFIX}")
        loader = importlib.machinery.ExtensionFileLoader(fullname, file)
        return importlib.util.spec_from_file_location(fullname, file, loader=loader)

"""The shape of this repository, as tests: what a linter cannot say for us."""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

COMPONENTS: Final = (
    "benchmarks",
    "cli",
    "config",
    "demonstration",
    "drm",
    "edge",
    "http_semantics",
    "loadtest",
    "origin",
    "packager",
    "player",
)

# They measure and prove, from a checkout.
NOT_SHIPPED: Final = {"benchmarks", "loadtest"}

FUNCTION_LINES_MAX: Final = 70

MODULE_LINES_MAX: Final = 500

# Cores without I/O: they may neither wait, nor read a clock, nor touch the system.
SANS_IO: Final = (
    "http_semantics/",
    "drm/tokens.py",
    "edge/access_line.py",
    "edge/call_document.py",
    "edge/disk/disk_index.py",
    "edge/disk/entry_file.py",
    "edge/disk/folder_health.py",
    "edge/disk/index_snapshot.py",
    "edge/eviction/",
    "edge/fronts.py",
    "edge/hit_head.py",
    "edge/kept_slices.py",
    "edge/plain_requests.py",
    "edge/pacing.py",
    "edge/peers/ownership.py",
    "edge/peers/wording.py",
    "edge/purge_record.py",
    "edge/purge_request.py",
    "edge/purges.py",
    "edge/tags.py",
    "edge/target.py",
    "edge/tls/names.py",
    "edge/warm_request.py",
    "origin/album_files.py",
    "origin/covers.py",
    "origin/neighbors.py",
    "origin/signing.py",
    "origin/tags.py",
    "origin/tags_json.py",
    "origin/trade_codes.py",
    "origin/version_files.py",
    "packager/album_presentation.py",
    "origin/intake/admission.py",
    "origin/intake/backlog.py",
    "origin/intake/fingerprint_index.py",
    "origin/intake/labels.py",
    "origin/intake/ledger.py",
    "origin/intake/refusing.py",
    "origin/intake/tus_fields.py",
    "origin/intake/upload.py",
    "origin/intake/upload_document.py",
    "origin/intake/upload_json.py",
    "origin/intake/upload_metadata.py",
    "packager/boxes.py",
    "packager/channel_plan.py",
    "packager/comment_header.py",
    "packager/common_encryption.py",
    "packager/content_key.py",
    "packager/cover_facts.py",
    "packager/job_limits.py",
    "packager/dash.py",
    "packager/fingerprint.py",
    "packager/downmix.py",
    "packager/fmp4.py",
    "packager/fmp4_reader.py",
    "packager/hls.py",
    "packager/itunes_gapless.py",
    "packager/legacy_text.py",
    "packager/loudness.py",
    "packager/ogg.py",
    "packager/ogg_opus.py",
    "packager/opus_head.py",
    "packager/picture.py",
    "packager/presentation.py",
    "packager/priority.py",
    "packager/progressive_mp4.py",
    "packager/sample_rates.py",
    "packager/sealing.py",
    "packager/seek_index.py",
    "packager/segments.py",
    "packager/tag_names.py",
    "packager/version.py",
)

IO_MODULES: Final = {
    "asyncio",
    "logging",
    "os",
    "pathlib",
    "random",
    "socket",
    "ssl",
    "threading",
    "time",
}

# Of these, cores take types and names alone.
TYPES_ALONE: Final = {
    "edge/disk/verified_files.py",
    "packager/jobs.py",
}

NAMES_THAT_SAY_NOTHING: Final = {"base", "common", "core", "helpers", "manager", "misc", "utils"}

# Tested through their users, or by a contract test over all adapters of a port.
WITHOUT_OWN_TEST: Final = {"__init__", "__main__", "errors", "metrics", "ports", "settings"}

SOURCES: Final = [
    path
    for component in COMPONENTS
    for path in sorted((ROOT / component).rglob("*.py"))
    if "tests" not in path.parts
]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports_of(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.add(node.module.partition(".")[0])
    return names


NAMES_BY_MODULE: Final = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): name_of(path)
    for path in SOURCES
}


@functools.cache
def own_imports_of(name: str) -> frozenset[str]:
    """Names of our own modules that one imports."""
    modules: set[str] = set()
    for node in ast.walk(tree_of(ROOT / name)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(NAMES_BY_MODULE[module] for module in modules & NAMES_BY_MODULE.keys())


def reached_from(name: str) -> set[str]:
    """One of our own modules, what it imports, what that imports, and so on."""
    reached, todo = {name}, [name]
    while todo:
        new = own_imports_of(todo.pop()) - TYPES_ALONE - reached
        reached |= new
        todo += new
    return reached


def test_the_sources_are_found():
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} == set(COMPONENTS)
    missing = [name for name in SANS_IO if not (ROOT / name).exists()]
    assert not missing


# Each rule is one test over all sources: a test for each source took longer than the whole of them.


def test_functions_fit_on_a_screen():
    too_long = [
        f"{name_of(path)}: {node.name} has {lines} lines"
        for path in SOURCES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or sys.maxsize) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert not too_long


def test_modules_stay_readable():
    lines = {name_of(path): path.read_text().count("\n") for path in SOURCES}
    assert not {name: count for name, count in lines.items() if count > MODULE_LINES_MAX}


def test_the_cores_do_no_io():
    cores = {name for name in NAMES_BY_MODULE.values() if name.startswith(SANS_IO)}
    assert len(cores) >= len(SANS_IO)
    for core in sorted(cores):
        reached = reached_from(core)
        imported = {name: imports_of(tree_of(ROOT / name)) & IO_MODULES for name in reached}
        assert not {name: modules for name, modules in imported.items() if modules}, core


def test_who_says_that_it_does_no_io_does_none():
    said = {
        name_of(path): imports_of(tree_of(path)) & IO_MODULES - {"pathlib"}  # A path is a name.
        for path in SOURCES
        if path.relative_to(ROOT).parts[0] not in NOT_SHIPPED
        and "no i/o" in (ast.get_docstring(tree_of(path)) or "").lower()
    }
    assert said
    assert not {name: modules for name, modules in said.items() if modules}


def test_module_names_say_something():
    assert not [name_of(path) for path in SOURCES if path.stem in NAMES_THAT_SAY_NOTHING]


def test_each_module_says_what_it_is():
    assert not [name_of(path) for path in SOURCES if not ast.get_docstring(tree_of(path))]


def test_each_module_has_its_test_module():
    own = [
        path
        for path in SOURCES
        if path.relative_to(ROOT).parts[0] not in NOT_SHIPPED
        and path.stem not in WITHOUT_OWN_TEST
        and path.parent.name not in {"adapters", "commands"}
    ]
    assert own
    untested = [
        name_of(path)
        for path in own
        if not (path.parent / "tests" / f"test_{path.stem}.py").exists()
    ]
    assert not untested


def tracked_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    return [name for name in listed.stdout.split("\0") if name]


def test_the_pins_name_hashes_and_no_registry():
    for name in ("run-requirements.txt", "test-requirements.txt"):
        text = (ROOT / ".ci" / name).read_text()
        pins = re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE)
        assert pins
        assert len(re.findall(r"^\S.*\\\n    --hash=sha256:", text, re.MULTILINE)) == len(pins)
        assert "://" not in text
        assert "--index" not in text


def test_packages_are_listed_for_installation():
    text = (ROOT / "pyproject.toml").read_text()
    packages = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in SOURCES
        if path.name == "__init__.py" and path.relative_to(ROOT).parts[0] not in NOT_SHIPPED
    }
    listed = re.search(r"\[tool\.setuptools\]\npackages = \[(.*?)\]", text, re.DOTALL)
    assert listed is not None
    assert set(re.findall(r'"([a-z_.]+)"', listed.group(1))) == packages


def test_nothing_large_is_tracked():
    try:
        names = tracked_files()
    except (OSError, subprocess.CalledProcessError):
        names = [name_of(path) for path in SOURCES]  # an exported tree without its history
    assert names
    assert not [name for name in names if (ROOT / name).stat().st_size > 1 << 20]

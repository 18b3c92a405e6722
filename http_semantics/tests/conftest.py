"""The conformance cases that were run, by section, at the end of a run of the tests."""

from collections import Counter

import pytest

from http_semantics.tests.conformance_cases import load_cases

_RUNS = {
    "core": "http_semantics/tests/test_conformance.py::test_case[",
    "socket": "edge/tests/test_conformance.py::test_case[",
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many cases of each section passed, against the core and over a socket."""
    passed = [report.nodeid for report in terminalreporter.stats.get("passed", ())]
    by_run = {
        name: Counter(
            nodeid.removeprefix(prefix).split(" ", 1)[0]
            for nodeid in passed
            if nodeid.startswith(prefix)
        )
        for name, prefix in _RUNS.items()
    }
    if not any(by_run.values()):
        return
    cases = load_cases()
    kinds = Counter(case.kind.value for case in cases)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    terminalreporter.section(f"conformance: {len(cases)} cases ({told})")
    sections = Counter(case.section for case in cases)
    terminalreporter.write_line(f"{'section':14} {'cases':>5} {'core':>5} {'socket':>6}")
    for section, count in sorted(sections.items()):
        core, socket = by_run["core"][section], by_run["socket"][section]
        terminalreporter.write_line(f"{section:14} {count:5} {core:5} {socket:6}")
    core, socket = (sum(counts.values()) for counts in by_run.values())
    terminalreporter.write_line(f"{'all':14} {len(cases):5} {core:5} {socket:6}")

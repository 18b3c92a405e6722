"""How tests are run.

Hypothesis has the same examples in every run of CI, never by the clock. The interpreter runs all
modules, unless a test says otherwise.
"""

import os

from hypothesis import HealthCheck, settings

os.environ.setdefault("ATTACCA_COMPILED", "off")

from edge.compiled import is_compiled  # It heeds what was set.

settings.register_profile(
    "attacca",
    settings.get_profile("ci" if "CI" in os.environ else "default"),
    deadline=None,  # A slow machine is no wrong answer.
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("attacca")


def pytest_report_header() -> str:
    """Who runs the modules on the way of a hit."""
    return f"edge: {'compiled' if is_compiled() else 'interpreted'}"

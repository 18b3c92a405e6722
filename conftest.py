"""How tests are run: Hypothesis has the same examples in every run of CI, never by the clock."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "attacca",
    settings.get_profile("ci" if "CI" in os.environ else "default"),
    deadline=None,  # A slow machine is no wrong answer.
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("attacca")

"""The one place that hands out the real clocks."""

import time
from collections.abc import Callable
from typing import Final

# Seconds since the epoch, for ages, dates and expiry.
WALL_CLOCK_S: Final[Callable[[], float]] = time.time

# Seconds since some moment, for durations.
MONOTONIC_CLOCK_S: Final[Callable[[], float]] = time.monotonic

"""Traces that tests replay in a second."""

from typing import Final

from benchmarks.audio_trace import Habits

SMALL: Final = Habits(tracks=3000, sessions=300)

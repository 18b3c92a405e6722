"""What a packaging job may take of its machine, by what it is given. No I/O.

The kernel holds a worker to this, also where no samples arrive: a codec that spins is ended, and
what writes without end is stopped. Real jobs stay far below.
"""

from dataclasses import dataclass
from typing import Final

from packager.jobs import MasterFacts

# Longer than twelve hours of eight channels at 192 kHz take.
_CPU_S_MAX: Final = 6 * 3600

# Hours of silence fit into some kilobytes. What is music needs a tenth of this for its size, even
# at the lowest bit rates.
_ALLOWANCE_S: Final = 120
_BYTES_PER_CPU_S: Final = 100_000

# An inspection that goes on notices by itself that it is too costly, and says so better.
_MARGIN_S: Final = 60

# One thirtieth of it is enough for the slowest rung: that is fed at 48 kHz and two channels.
_SAMPLES_PER_CPU_S: Final = 100_000
_FED_HZ: Final = 48_000
_FED_CHANNELS: Final = 2

_FILE_BYTES_MIN: Final = 64 << 20
_BYTES_PER_SAMPLE: Final = 5  # Of 4 bytes, if none of them could be saved.


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Of one job.

    Attributes:
        cpu_s: the processor's time, of all threads together.
        file_bytes: size of any file that it writes.
    """

    cpu_s: int
    file_bytes: int


READING_LIMITS: Final = JobLimits(_ALLOWANCE_S, _FILE_BYTES_MIN)
"""Of reading tags or a cover, which the pool's clocks end much earlier."""


def inspection_allowance_s(master_bytes: int) -> float:
    """The processor's time after which an inspection is to give up by itself."""
    return _ALLOWANCE_S + master_bytes / _BYTES_PER_CPU_S


def inspection_limits(master_bytes: int) -> JobLimits:
    """Of inspecting a master of that size."""
    wanted_s = int(inspection_allowance_s(master_bytes)) + _MARGIN_S
    return JobLimits(min(_CPU_S_MAX, wanted_s), _FILE_BYTES_MIN)


def packaging_limits(facts: MasterFacts) -> JobLimits:
    """Of making any rendition of a master."""
    fed = facts.samples * max(1.0, _FED_HZ / facts.sample_rate_hz)
    samples = int(fed * max(_FED_CHANNELS, facts.channels))
    return JobLimits(
        cpu_s=min(_CPU_S_MAX, _ALLOWANCE_S + samples // _SAMPLES_PER_CPU_S),
        file_bytes=_FILE_BYTES_MIN + samples * _BYTES_PER_SAMPLE,
    )

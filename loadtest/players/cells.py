"""What is tried: each player with each manifest for it and each codec, and what must become of it.

Left out is what cannot be: Vorbis is in no manifest, since browsers take Ogg only as a whole file;
Chromium's own HLS player plays nothing encrypted.
"""

import enum
import json
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final, Self

# A seek goes where nothing is loaded yet: the third segment begins at 7 s.
MASTER_S: Final = 12.0
PLAY_S: Final = 2.0
SEEK_S: Final = 8.0
# For a step that must succeed: the machine may be busy.
PLAY_DEADLINE_S: Final = 20.0
# For one that must not: a player that has said nothing by then is stuck.
REFUSAL_DEADLINE_S: Final = 5.0
# An AAC frame: the last one is full, and players play it out.
LATE_END_S_MAX: Final = 1024 / 44100
# They round. What is more is missing from the sound.
EARLY_END_S_MAX: Final = 0.002
# The codecs as manifests and players name them.
CODECS: Final = {"AAC": "mp4a.40.2", "FLAC": "flac"}


class Trial(enum.StrEnum):
    """How a cell goes about it; all but the first are controls that must not play."""

    RIGHT = "right"
    WRONG_KEY = "wrong key"
    NO_LICENSE = "no license"
    EXPIRED = "expired token"
    ALTERED = "altered token"

    @property
    def must_play(self) -> bool:
        """Whether sound is expected."""
        return self is Trial.RIGHT


@dataclass(frozen=True, slots=True)
class Way:
    """A player with a manifest for it.

    Attributes:
        no_license: what the player says when nobody told it where licenses are, as a regular
            expression; None for one that finds the key itself at the address in its manifest.
        unauthorized: what it says when the edge answers 401.
    """

    player: str
    manifest: str
    no_license: str | None
    unauthorized: str


# The browser's decoder says it, whoever plays: what was decrypted with another key is no audio.
_NO_AUDIO: Final = "PIPELINE_ERROR_DECODE"

WAYS: Final = (
    Way("shaka-player", "manifest.mpd", no_license="^6012 ", unauthorized="^1001 401 "),
    Way("shaka-player", "master.m3u8", no_license=None, unauthorized="status 401"),
    # The reference in the manifest leads it to the page's server, which grants no licenses.
    Way("dash.js", "manifest.mpd", no_license="^114 .*licenser error", unauthorized="^25 "),
    Way(
        "hls.js",
        "hls.m3u8",
        no_license="Missing key-system license",
        unauthorized="^manifestLoadError 401 ",
    ),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One line of the table."""

    way: Way
    codec: str
    trial: Trial

    @property
    def refusal(self) -> str:
        """What the player says when it does not play: a regular expression."""
        match self.trial:
            case Trial.RIGHT | Trial.WRONG_KEY:
                return _NO_AUDIO
            case Trial.NO_LICENSE:
                assert self.way.no_license is not None
                return self.way.no_license
            case Trial.EXPIRED | Trial.ALTERED:
                return self.way.unauthorized


@dataclass(frozen=True, slots=True)
class Order:
    """What the page is to do. Each step has `deadline_ms`."""

    player: str
    track_url: str
    manifest_url: str
    license_url: str | None
    codec: str
    play_s: float
    seek_s: float
    deadline_ms: float

    def fragment(self) -> str:
        """The order as the page reads it from its URL."""
        return urllib.parse.quote(json.dumps(asdict(self)))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the page reports.

    Attributes:
        start_ms: from handing the manifest to the player to `playing`, everything included.
        codec: the one that the player says it plays.
        seek_ms: from asking for a position that was not loaded to playing there.
        errors: what ended it.
    """

    start_ms: float | None
    position_s: float
    codec: str
    decoded_bytes: int
    seek_ms: float | None
    is_ended: bool
    errors: tuple[str, ...]

    @classmethod
    def from_report(cls, report: str) -> Self:
        """Read what the page said."""
        facts = json.loads(report)
        return cls(**{**facts, "errors": tuple(facts["errors"])})


def cells() -> Iterator[Cell]:
    """All that is tried, in the order of the table."""
    for trial in Trial:
        for way in WAYS:
            if trial is Trial.NO_LICENSE and way.no_license is None:
                continue
            # A refused token ends it before there is a codec to choose.
            is_token = trial in {Trial.EXPIRED, Trial.ALTERED}
            for codec in ("AAC",) if is_token else CODECS:
                yield Cell(way, codec, trial)


def fault_of(cell: Cell, outcome: Outcome) -> str:
    """What is not as it must be; empty when all is well."""
    if cell.trial.must_play:
        return _fault_of_playing(cell, outcome)
    return _fault_of_refusal(cell, outcome)


def _fault_of_playing(cell: Cell, outcome: Outcome) -> str:
    faults = {
        "failed": bool(outcome.errors),
        "did not play": outcome.position_s <= PLAY_S or outcome.start_ms is None,
        "played another codec": CODECS[cell.codec] not in outcome.codec,
        "decoded nothing": not outcome.decoded_bytes,
        "did not seek": outcome.seek_ms is None,
        "did not end": not outcome.is_ended,
        "ended early": outcome.position_s < MASTER_S - EARLY_END_S_MAX,
        "ended late": outcome.position_s > MASTER_S + LATE_END_S_MAX,
    }
    return next((fault for fault, is_so in faults.items() if is_so), "")


def _fault_of_refusal(cell: Cell, outcome: Outcome) -> str:
    if outcome.position_s or outcome.start_ms is not None:
        return "played"
    if not any(re.search(cell.refusal, error) for error in outcome.errors):
        return "did not play, for another reason"
    return ""

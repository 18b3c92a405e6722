"""What manifests of a whole album are made from: a part for each track, one after another. No I/O.

They stand in `/v1/albums/{album_id}/` and refer to the files of the tracks. A rendition is offered
if every track has it, so that a player can stay with it from the first to the last. Tracks of other
sample rates, depths or channels do not exclude one: each part has a decoder configuration of its
own, and an album without its lossless rendition would be the greater loss.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from packager.presentation import Presentation, References, duration_of
from packager.seek_index import RenditionFacts


@dataclass(frozen=True, slots=True)
class AlbumPart:
    """A track of an album.

    Attributes:
        renditions: fragmented MP4 files only, in the order of the ladder.
    """

    track_id: str
    version: str
    renditions: tuple[RenditionFacts, ...]

    @property
    def references(self) -> References:
        """Where its files are, as seen from the album's folder."""
        return References(folder=f"../../audio/{self.track_id}/{self.version}/", root="../../")

    def rendition(self, name: str) -> RenditionFacts | None:
        """The rendition with this name."""
        return next((facts for facts in self.renditions if facts.name == name), None)


@dataclass(frozen=True, slots=True)
class AlbumPresentation:
    """The tracks of an album that a manifest offers, in their order.

    Attributes:
        parts: at least one; at least one rendition is in all of them.
    """

    parts: Sequence[AlbumPart]

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("an album to be presented has at least one track")
        if not self.rendition_names:
            raise ValueError("the tracks of the album have no rendition in common")

    @property
    def rendition_names(self) -> tuple[str, ...]:
        """The renditions that every track has, in the order of the first one's."""
        return common_rendition_names(self.parts)

    @property
    def presentations(self) -> tuple[Presentation, ...]:
        """What of each track is offered."""
        names = self.rendition_names
        return tuple(
            Presentation(
                [facts for facts in part.renditions if facts.name in names], part.references
            )
            for part in self.parts
        )

    def tracks_of(self, name: str) -> tuple[tuple[RenditionFacts, References], ...]:
        """One rendition of each track, which every track has, and where it is."""
        found = []
        for part in self.parts:
            facts = part.rendition(name)
            assert facts is not None
            found.append((facts, part.references))
        return tuple(found)


def common_rendition_names(parts: Sequence[AlbumPart]) -> tuple[str, ...]:
    """The renditions that all of `parts` have, in the order of the first one's."""
    if not parts:
        return ()
    common = set.intersection(*({facts.name for facts in part.renditions} for part in parts))
    return tuple(facts.name for facts in parts[0].renditions if facts.name in common)


def starts_of(durations_s: Sequence[Fraction]) -> Iterator[Fraction]:
    """When each part begins, in seconds, and at last when the album ends."""
    return accumulate(durations_s, initial=Fraction(0))


def bit_rates_of(tracks: Sequence[RenditionFacts]) -> tuple[int, int]:
    """Peak and average bits per second of one rendition of an album."""
    bits = sum((facts.bitrate_bps * duration_of(facts) for facts in tracks), start=Fraction(0))
    average = round(bits / sum(map(duration_of, tracks), start=Fraction(0)))
    return max(max(facts.bandwidth_bps, facts.bitrate_bps) for facts in tracks), average

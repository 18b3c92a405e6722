"""What stands next to a track in its album, and whether the two are heard as one. No I/O."""

from dataclasses import dataclass

from origin.records import AlbumEntry, AlbumRecord, TrackRecord


@dataclass(frozen=True, slots=True)
class Neighbors:
    """The tracks directly before and after a track; None where there is none."""

    before: TrackRecord | None = None
    after: TrackRecord | None = None


def neighbor_ids(album: AlbumRecord, track_id: str) -> tuple[str | None, str | None]:
    """The tracks that adjoin a track in its album: the one before and the one after."""
    place = next((one for one in album.entries if one.track_id == track_id), None)
    if place is None:
        return None, None
    before = next((one for one in album.entries_before(track_id)), None)
    after = next((one for one in album.entries_after(track_id)), None)
    return (
        before.track_id if before is not None and _adjoin(before, place) else None,
        after.track_id if after is not None and _adjoin(place, after) else None,
    )


def is_continuous(first: TrackRecord, second: TrackRecord) -> bool:
    """Whether `second`, which adjoins `first`, is to be encoded as its continuation.

    Where either is silent at the very edge, nothing is heard across it.
    """
    is_alike = (first.master.sample_rate_hz, first.master.channels) == (
        second.master.sample_rate_hz,
        second.master.channels,
    )
    return is_alike and not first.tail.is_silent and not second.head.is_silent


def contexts_of(track: TrackRecord, neighbors: Neighbors) -> tuple[str, str]:
    """SHA-256 of the audio before and after `track` that its encoders get; empty for none."""
    before, after = neighbors.before, neighbors.after
    return (
        before.tail.sha256 if before is not None and is_continuous(before, track) else "",
        after.head.sha256 if after is not None and is_continuous(track, after) else "",
    )


def _adjoin(first: AlbumEntry, second: AlbumEntry) -> bool:
    """Whether no track can be missing between two that stand next to each other in a list."""
    if first.track is None or second.track is None:
        return first.track is None and second.track is None
    first_disc, second_disc = first.disc or 1, second.disc or 1
    if first_disc == second_disc:
        return second.track == first.track + 1
    return (second_disc, second.track) == (first_disc + 1, 1)

"""DASH manifests (ISO/IEC 23009-1), on-demand profile: one file and one `sidx` a representation.

A track is one Period. An album has a Period for each track, which starts where the one before ends;
what is heard of a track fills its Period exactly.
"""

import io
import uuid
from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from typing import Final
from xml.etree import ElementTree as ET

from packager.album_presentation import AlbumPresentation, starts_of
from packager.presentation import (
    Presentation,
    References,
    file_name,
    format_seconds,
    preference_of,
)
from packager.renditions import Codec, Protection
from packager.seek_index import RenditionFacts

MIME_TYPE: Final = "application/dash+xml"
FILE_NAME: Final = "manifest.mpd"

_NAMESPACES: Final = {
    "xmlns": "urn:mpeg:dash:schema:mpd:2011",
    "xmlns:cenc": "urn:mpeg:cenc:2013",
    "xmlns:dashif": "https://dashif.org/CPS",
}
_ON_DEMAND: Final = "urn:mpeg:dash:profile:isoff-on-demand:2011"
_MP4_PROTECTION: Final = "urn:mpeg:dash:mp4protection:2011"
_ROLE: Final = "urn:mpeg:dash:role:2011"
_CHANNELS: Final = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011"

# Clear Key as DASH-IF registered it. The W3C's common system is not named beside it: dash.js with a
# license server set would choose that one, and fail on its `pssh`.
_CLEAR_KEY_SYSTEM_ID: Final = uuid.UUID("e2719d58-a985-b3c9-781a-b030af78d30e")

# Players wait for this much before they start. The first segment is about as long.
_MIN_BUFFER: Final = "PT1S"
# A thousandth of the shortest sample there is.
_DURATION_DIGITS: Final = 9


def encode_mpd(presentation: Presentation) -> bytes:
    """The manifest of a track: an adaptation set for each codec and key.

    Representations of one set can be switched between; lossless stands apart from lossy, since a
    switch between codecs is heard.
    """
    mpd = _new_mpd(presentation.duration_s)
    _add_period(mpd, {"id": "0"}, presentation)
    return _encode(mpd)


def encode_album_mpd(album: AlbumPresentation) -> bytes:
    """The manifest of an album: a Period for each track."""
    presentations = album.presentations
    starts = list(starts_of([one.duration_s for one in presentations]))
    # The starts are rounded, not the durations: so every Period ends where the next one starts.
    scale = 10**_DURATION_DIGITS
    ticks = [Fraction(round(start * scale), scale) for start in starts]
    mpd = _new_mpd(starts[-1])
    for index, (presentation, (start, end)) in enumerate(
        zip(presentations, pairwise(ticks), strict=True)
    ):
        times = {"start": _duration(start), "duration": _duration(end - start)}
        _add_period(mpd, {"id": str(index), **times}, presentation)
    return _encode(mpd)


def _new_mpd(duration_s: Fraction) -> ET.Element:
    return ET.Element(
        "MPD",
        _NAMESPACES
        | {
            "profiles": _ON_DEMAND,
            "type": "static",
            "minBufferTime": _MIN_BUFFER,
            "mediaPresentationDuration": _duration(duration_s),
        },
    )


def _duration(duration_s: Fraction) -> str:
    return f"PT{format_seconds(duration_s, digits=_DURATION_DIGITS)}S"


def _encode(mpd: ET.Element) -> bytes:
    ET.indent(mpd)
    document = io.BytesIO()
    ET.ElementTree(mpd).write(document, encoding="utf-8", xml_declaration=True)
    return document.getvalue() + b"\n"


def _add_period(mpd: ET.Element, attributes: dict[str, str], presentation: Presentation) -> None:
    period = ET.SubElement(mpd, "Period", attributes)
    if presentation.references.folder:
        ET.SubElement(period, "BaseURL").text = presentation.references.folder
    for index, renditions in enumerate(_adaptation_sets(presentation.renditions)):
        _add_adaptation_set(period, index, renditions, presentation.references)


def _adaptation_sets(renditions: Iterable[RenditionFacts]) -> list[list[RenditionFacts]]:
    """The preferred codec first, and within a set the lowest rate."""
    sets: dict[object, list[RenditionFacts]] = {}
    for facts in sorted(
        renditions, key=lambda facts: (preference_of(facts.codec), facts.bandwidth_bps)
    ):
        sets.setdefault(_switching_set(facts), []).append(facts)
    return list(sets.values())


def _switching_set(facts: RenditionFacts) -> tuple[object, ...]:
    """Equal for renditions that a player can switch between at any segment.

    For that, segments begin at equal times on the timeline before the edit list too: priming and
    rate are the same.
    """
    starts = tuple(segment.start_samples for segment in facts.seek.segments)
    form = (facts.codec, facts.sample_rate_hz, facts.channels, facts.priming)
    return (*form, facts.protection, facts.kid, starts)


def _add_adaptation_set(
    period: ET.Element, index: int, renditions: list[RenditionFacts], references: References
) -> None:
    first = renditions[0]
    adaptation_set = ET.SubElement(
        period,
        "AdaptationSet",
        {
            "id": str(index),
            "contentType": "audio",
            "mimeType": first.mime,
            "subsegmentAlignment": "true",
            "subsegmentStartsWithSAP": "1",
            "selectionPriority": str(len(Codec) - preference_of(first.codec)),
        },
    )
    # In the order of the schema.
    if first.protection is not Protection.CLEAR:
        _add_content_protection(adaptation_set, first, references.license_url)
    # Shaka Player starts with a main one, dash.js with the highest priority.
    role = "main" if index == 0 else "alternate"
    ET.SubElement(adaptation_set, "Role", {"schemeIdUri": _ROLE, "value": role})
    for facts in renditions:
        _add_representation(adaptation_set, facts)


def _add_content_protection(
    adaptation_set: ET.Element, facts: RenditionFacts, license_url: str
) -> None:
    """The scheme, then how to ask for its key."""
    ET.SubElement(
        adaptation_set,
        "ContentProtection",
        {
            "schemeIdUri": _MP4_PROTECTION,
            "value": facts.protection.value,
            "cenc:default_KID": str(uuid.UUID(facts.kid)),
        },
    )
    clear_key = ET.SubElement(
        adaptation_set,
        "ContentProtection",
        {"schemeIdUri": f"urn:uuid:{_CLEAR_KEY_SYSTEM_ID}", "value": "ClearKey1.0"},
    )
    # Not `Laurl`, which dash.js reads as well: Shaka Player reads that alone, and would prefer this
    # reference, which it does not resolve, to the license server that the application sets.
    ET.SubElement(clear_key, "dashif:laurl", {"Lic_type": "EME-1.0"}).text = license_url


def _add_representation(adaptation_set: ET.Element, facts: RenditionFacts) -> None:
    representation = ET.SubElement(
        adaptation_set,
        "Representation",
        {
            "id": facts.name,
            "codecs": facts.codec_string,
            "bandwidth": str(max(facts.bandwidth_bps, facts.bitrate_bps)),
            "audioSamplingRate": str(facts.sample_rate_hz),
        },
    )
    ET.SubElement(
        representation,
        "AudioChannelConfiguration",
        {"schemeIdUri": _CHANNELS, "value": str(facts.channels)},
    )
    ET.SubElement(representation, "BaseURL").text = file_name(facts)
    seek = facts.seek
    segment_base = ET.SubElement(
        representation,
        "SegmentBase",
        {
            "timescale": str(facts.sample_rate_hz),
            "indexRange": _byte_range(seek.index_offset, seek.index_bytes),
        },
    )
    ET.SubElement(
        segment_base, "Initialization", {"range": _byte_range(seek.init_offset, seek.init_bytes)}
    )


def _byte_range(offset: int, size: int) -> str:
    """First and last byte, both included (ISO/IEC 23009-1 section 5.3.9.2)."""
    return f"{offset}-{offset + size - 1}"

"""DASH manifests (ISO/IEC 23009-1), on-demand profile: one file and one `sidx` a representation."""

import io
import uuid
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Final
from xml.etree import ElementTree as ET

from packager.presentation import Presentation, file_name, format_seconds
from packager.renditions import Protection
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
_CHANNELS: Final = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011"

# Clear Key as DASH-IF registered it. The W3C's common system is not named beside it: dash.js with a
# license server set would choose that one, and fail on its `pssh`.
_CLEAR_KEY_SYSTEM_ID: Final = uuid.UUID("e2719d58-a985-b3c9-781a-b030af78d30e")

# Players wait for this much before they start. The first segment is about as long.
_MIN_BUFFER: Final = "PT1S"
# A thousandth of the shortest sample there is.
_DURATION_DIGITS: Final = 9


def encode_mpd(presentation: Presentation) -> bytes:
    """The manifest of `presentation`: an adaptation set for each codec and key.

    Representations of one set can be switched between; lossless stands apart from lossy, since a
    switch between codecs is heard.
    """
    duration = f"PT{format_seconds(presentation.duration_s, digits=_DURATION_DIGITS)}S"
    mpd = ET.Element(
        "MPD",
        _NAMESPACES
        | {
            "profiles": _ON_DEMAND,
            "type": "static",
            "minBufferTime": _MIN_BUFFER,
            "mediaPresentationDuration": duration,
        },
    )
    period = ET.SubElement(mpd, "Period", {"id": "0"})
    for index, renditions in enumerate(_adaptation_sets(presentation.renditions)):
        _add_adaptation_set(period, index, renditions, presentation.license_url)
    ET.indent(mpd)
    document = io.BytesIO()
    ET.ElementTree(mpd).write(document, encoding="utf-8", xml_declaration=True)
    return document.getvalue() + b"\n"


def _adaptation_sets(renditions: Iterable[RenditionFacts]) -> Iterator[list[RenditionFacts]]:
    key = attrgetter("codec", "protection", "kid")
    # Sorted only within a set, by rate; the sets keep the order in which they first occur.
    first_seen = list(dict.fromkeys(map(key, renditions)))
    ordered = sorted(
        renditions, key=lambda facts: (first_seen.index(key(facts)), facts.bandwidth_bps)
    )
    for _, group in groupby(ordered, key=key):
        yield list(group)


def _add_adaptation_set(
    period: ET.Element, index: int, renditions: list[RenditionFacts], license_url: str
) -> None:
    adaptation_set = ET.SubElement(
        period,
        "AdaptationSet",
        {
            "id": str(index),
            "contentType": "audio",
            "mimeType": renditions[0].mime,
            "subsegmentAlignment": "true",
            "subsegmentStartsWithSAP": "1",
        },
    )
    if renditions[0].protection is not Protection.CLEAR:
        _add_content_protection(adaptation_set, renditions[0], license_url)
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

"""Which files a version has under `/v1/audio/{track_id}/{version}/`, and what is in them. No I/O.

Renditions lie in the store; everything else is written from the record, so it is there also while
packaged bytes are not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from origin.documents import SEEK_INDEX_SUFFIX
from origin.records import VersionRecord
from packager import dash, hls
from packager.hls import HlsFlavor
from packager.presentation import Presentation, file_name
from packager.renditions import Container
from packager.seek_index import RenditionFacts, encode_seek_index

_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that is made from the record."""

    content: bytes
    content_type: str


def find_file(version: VersionRecord, name: str) -> RenditionFacts | WrittenFile | None:
    """The file with this name: a rendition in the store, a file written here, or none."""
    for facts in version.renditions:
        if name == file_name(facts):
            return facts
        if name == facts.name + SEEK_INDEX_SUFFIX:
            return WrittenFile(encode_seek_index(facts), _JSON)
    return _manifest(version, name)


def _manifest(version: VersionRecord, name: str) -> WrittenFile | None:
    fragmented = tuple(facts for facts in version.renditions if facts.container is Container.MP4)
    if not fragmented:
        return None
    if name == dash.FILE_NAME:
        return WrittenFile(dash.encode_mpd(Presentation(fragmented)), dash.MIME_TYPE)
    for flavor in HlsFlavor:
        for content in _playlist(fragmented, name, flavor):
            return WrittenFile(content, hls.MIME_TYPE)
    return None


def _playlist(
    fragmented: tuple[RenditionFacts, ...], name: str, flavor: HlsFlavor
) -> Iterator[bytes]:
    """The playlist with this name in one flavor, if there is one."""
    if name == flavor.value:
        yield hls.encode_multivariant(Presentation(fragmented), flavor)
    for facts in fragmented:
        if name == hls.media_playlist_name(facts.name, flavor):
            yield hls.encode_media_playlist(facts, flavor)

"""Which files a version has under `/v1/audio/{track_id}/{version}/`, and what is in them. No I/O.

Renditions lie in the store; everything else is written from the record, so it is there also while
packaged bytes are not. What was never packaged has no facts to write from: then it is told what is
to be packaged first.
"""

from dataclasses import dataclass
from typing import Final

from origin.documents import SEEK_INDEX_SUFFIX
from origin.records import VersionRecord
from packager import dash, hls
from packager.hls import HlsFlavor
from packager.presentation import Presentation, file_name
from packager.renditions import CONTEXT_CODECS, PROFILES, Container
from packager.seek_index import NO_JOINS, JoinsWith, RenditionFacts, encode_seek_index

_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that is made from the record."""

    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class NeedsRenditions:
    """A file that can be had once these renditions have been packaged, in the ladder's order."""

    names: tuple[str, ...]


def find_file(
    version: VersionRecord, name: str
) -> RenditionFacts | WrittenFile | NeedsRenditions | None:
    """The file with this name: a rendition in the store, a file written here, or none."""
    if name == dash.FILE_NAME or name in hls.MULTIVARIANT_NAMES:
        return _manifest(version, name)
    for rendition in version.ladder:
        if name in _names_of(rendition):
            facts = version.rendition(rendition)
            if facts is None:
                return NeedsRenditions((rendition,))
            return _file_of(version, facts, name)
    return None


def seek_index_of(version: VersionRecord, facts: RenditionFacts) -> bytes:
    """The seek index of one of the version's renditions."""
    if facts.codec not in CONTEXT_CODECS:
        return encode_seek_index(facts, NO_JOINS)
    return encode_seek_index(facts, JoinsWith(version.context_before, version.context_after))


def fragmented_names(version: VersionRecord) -> tuple[str, ...]:
    """The renditions of the ladder that manifests offer, packaged or not."""
    return tuple(name for name in version.ladder if _container_of(name) is Container.MP4)


def fragmented_facts(
    version: VersionRecord, names: tuple[str, ...]
) -> tuple[RenditionFacts, ...] | NeedsRenditions:
    """The facts of these renditions, unless some were never packaged."""
    found = [version.rendition(name) for name in names]
    facts = tuple(one for one in found if one is not None)
    if len(facts) == len(names):
        return facts
    return NeedsRenditions(
        tuple(name for name, one in zip(names, found, strict=True) if one is None)
    )


def _container_of(rendition: str) -> Container:
    return PROFILES[rendition].container


def _names_of(rendition: str) -> tuple[str, ...]:
    """The files of one rendition."""
    container = _container_of(rendition)
    names = (f"{rendition}.{container}", rendition + SEEK_INDEX_SUFFIX)
    if container is not Container.MP4:
        return names
    return (*names, *(hls.media_playlist_name(rendition, flavor) for flavor in HlsFlavor))


def _file_of(
    version: VersionRecord, facts: RenditionFacts, name: str
) -> RenditionFacts | WrittenFile:
    """One of the files of a rendition."""
    if name == file_name(facts):
        return facts
    if name == facts.name + SEEK_INDEX_SUFFIX:
        return WrittenFile(seek_index_of(version, facts), _JSON)
    flavor = next(one for one in HlsFlavor if name == hls.media_playlist_name(facts.name, one))
    return WrittenFile(hls.encode_media_playlist(facts, flavor), hls.MIME_TYPE)


def _manifest(version: VersionRecord, name: str) -> WrittenFile | NeedsRenditions | None:
    names = fragmented_names(version)
    if not names:
        return None
    facts = fragmented_facts(version, names)
    if isinstance(facts, NeedsRenditions):
        return facts
    presentation = Presentation(facts)
    if name == dash.FILE_NAME:
        return WrittenFile(dash.encode_mpd(presentation), dash.MIME_TYPE)
    return WrittenFile(hls.encode_multivariant(presentation, HlsFlavor(name)), hls.MIME_TYPE)

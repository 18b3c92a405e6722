import uuid
from pathlib import Path

import pytest

from packager.clear_rendition import open_clear
from packager.content_key import ContentKey
from packager.format_error import FormatError
from packager.jobs import PackagingOrder
from packager.packaging import package_rendition
from packager.renditions import Codec, Protection
from packager.seek_index import RenditionFacts
from packager.tests.masters import facts_of, music, saved, sound_file

KEY = ContentKey(uuid.UUID(int=7), bytes(range(16)))


def packaged(folder: Path, rendition: str, scheme: Protection) -> tuple[Path, RenditionFacts]:
    master = saved(folder, sound_file(music(60_000)))
    order = PackagingOrder(
        master=master,
        facts=facts_of(master),
        rendition=rendition,
        version="0123456789abcdef",
        key=KEY,
        output=folder / "packaged",
        scheme=scheme,
    )
    return order.output, package_rendition(order, on_progress=lambda _: None)


def packets(path: Path, facts: RenditionFacts, key: bytes) -> list[bytes]:
    with open_clear(path, facts, key) as clear:
        return list(clear.packets)


def test_both_schemes_hold_the_same_packets(tmp_path: Path):
    found = []
    for scheme in (Protection.CBCS, Protection.CENC):
        path, facts = packaged(tmp_path, "aac-96", scheme)
        found.append(packets(path, facts, KEY.key))
        assert packets(path, facts, bytes(16)) != found[-1]
    assert found[0] == found[1]
    assert sum(map(len, found[0])) > 1000


def test_flac_has_its_configuration_and_frames_that_begin_as_they_should(tmp_path: Path):
    path, facts = packaged(tmp_path, "flac", Protection.CBCS)
    with open_clear(path, facts, KEY.key) as clear:
        assert len(clear.config) == 34
        assert {packet[:2] for packet in clear.packets} <= {b"\xff\xf8", b"\xff\xf9"}


def test_a_sealed_file_is_unsealed_whole(tmp_path: Path):
    path, facts = packaged(tmp_path, "vorbis-96", Protection.CBCS)
    assert facts.codec is Codec.VORBIS
    whole = b"".join(packets(path, facts, KEY.key))
    assert whole.startswith(b"OggS")
    assert len(whole) == facts.bytes


def test_a_file_that_is_cut_is_refused(tmp_path: Path):
    path, facts = packaged(tmp_path, "aac-96", Protection.CBCS)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FormatError):
        packets(path, facts, KEY.key)

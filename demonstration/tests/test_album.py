from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutagen.flac import FLAC, VCFLACDict

from demonstration.album import ALBUM, ARTIST, write_album
from demonstration.rendering import Pcm
from demonstration.score import TITLES


def test_the_movements_joined_are_the_piece(album: list[Path], piece: Pcm):
    parts = [soundfile.read(path, dtype="int16")[0] for path in album]
    assert np.array_equal(np.concatenate(parts), piece)


def test_files_are_named_and_tagged(album: list[Path]):
    assert [path.name for path in album] == [
        f"{index:02} {title}.flac" for index, title in enumerate(TITLES, 1)
    ]
    for index, path in enumerate(album):
        file = FLAC(path)  # type: ignore[no-untyped-call]
        assert isinstance(file.tags, VCFLACDict)
        assert dict(file.tags) == {
            "title": [TITLES[index]],
            "artist": [ARTIST],
            "album": [ALBUM],
            "albumartist": [ARTIST],
            "tracknumber": [str(index + 1)],
            "tracktotal": ["3"],
            "discnumber": ["1"],
            "date": ["2026"],
        }
        assert (file.info.sample_rate, file.info.channels) == (44_100, 2)


def test_nothing_but_the_album_is_left_in_the_folder(album: list[Path]):
    assert sorted(album[0].parent.iterdir()) == sorted(album)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_files(album: list[Path], tmp_path: Path):
    again = write_album(tmp_path / "again", seed=1)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in album]


def test_a_failure_leaves_no_file(tmp_path: Path):
    # A folder stands where the first movement should go.
    (tmp_path / f"01 {TITLES[0]}.flac").mkdir()
    with pytest.raises(OSError, match="irectory"):
        write_album(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"01 {TITLES[0]}.flac"]

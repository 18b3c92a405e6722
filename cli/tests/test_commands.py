"""What the commands make of their arguments, without anything that runs."""

from pathlib import Path

import click
import pytest

from cli.commands.edge import HostAndPort
from cli.commands.ingest import find_masters, shown
from cli.commands.token import Ttl


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("15m", 900), ("1h", 3600), ("2d", 172_800)],
)
def test_a_lifetime_has_a_unit(text: str, seconds: int):
    assert Ttl().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "h", "-1h", "1w", "0s", "1.5h", "٣h", "9" * 10])
def test_what_is_no_lifetime_is_refused(text: str):
    with pytest.raises(click.BadParameter):
        Ttl().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:0", ("::1", 0)),
        ("edge.internal:65535", ("edge.internal", 65535)),
    ],
)
def test_an_address_is_host_and_port(text: str, expected: tuple[str, int]):
    assert HostAndPort().convert(text, None, None) == expected


@pytest.mark.parametrize("text", ["", "80", ":80", "host:", "host:http", "host:65536", "host:-1"])
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(click.BadParameter):
        HostAndPort().convert(text, None, None)


def test_folders_are_searched_for_audio_and_files_are_taken_as_named(tmp_path: Path):
    for name in ("b.FLAC", "a.wav", "cover.jpg", "sub/c.mp3", "sub/notes.txt"):
        path = tmp_path / "music" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    named = tmp_path / "named.bin"
    named.write_text("")
    found = list(find_masters((named, tmp_path / "music")))
    assert [path.name for path in found] == ["named.bin", "a.wav", "b.FLAC", "c.mp3"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Præludium שלום", "Præludium שלום", id="other scripts"),
        pytest.param("a\nb\x1b[2J", "a�b�\\[2J", id="control characters and markup"),
    ],
)
def test_names_cannot_play_tricks_on_a_terminal(text: str, expected: str):
    assert shown(text) == expected

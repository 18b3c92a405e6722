import hashlib

from hypothesis import given
from hypothesis import strategies as st

from origin.track_id import album_id_of, is_id, track_id_of


def test_a_track_id_is_the_first_128_bits_of_the_digest():
    assert track_id_of("00" * 15 + "01" + "ff" * 16) == "0" * 21 + "1"


def test_same_bytes_same_id():
    digest = hashlib.sha256(b"master").hexdigest()
    assert track_id_of(digest) == track_id_of(digest)
    assert is_id(track_id_of(digest))


def test_the_case_of_an_album_does_not_matter():
    assert album_id_of(artist="Björk", title="Post") == album_id_of(artist="BJÖRK", title="post")


@given(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5))
def test_artist_and_title_do_not_run_into_each_other(first: str, second: str, third: str):
    one = album_id_of(artist=first + second, title=third)
    other = album_id_of(artist=first, title=second + third)
    assert (one == other) == (not second.casefold())


def test_albums_of_labels_are_their_own():
    names = {album_id_of(artist="A", title="T", label=label) for label in ("", "nebula", "quasar")}
    assert len(names) == 3
    assert album_id_of(artist="A", title="T") in names

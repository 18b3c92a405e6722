"""Keys that are remembered as not storable."""

from edge.uncacheables import Uncacheables, personal_key, range_key, whole_key


def test_a_key_is_remembered_for_a_moment():
    keys = Uncacheables(keys_max=2, remembered_s=10)
    keys.note("/a", "private", now_s=100)
    assert keys.reason_of("/a", now_s=109.9) == "private"
    assert keys.reason_of("/a", now_s=110) is None
    assert keys.reason_of("/b", now_s=100) is None
    assert len(keys) == 0


def test_no_more_keys_are_remembered_than_allowed():
    keys = Uncacheables(keys_max=2, remembered_s=10)
    for key in ("/a", "/b", "/a", "/c"):
        keys.note(key, "no-store", now_s=100)
    assert len(keys) == 2
    assert keys.reason_of("/b", now_s=100) is None
    assert keys.reason_of("/a", now_s=100) == "no-store"


def test_what_is_true_of_some_requests_is_remembered_apart():
    keys = {"/a", range_key("/a"), whole_key("/a"), personal_key("/a"), range_key("/b")}
    keys.add(whole_key(personal_key("/a")))
    assert len(keys) == 6
    assert sum(key.startswith("/") for key in keys) == 1

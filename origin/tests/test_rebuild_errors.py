from origin.rebuild_errors import RebuildMismatchError, VersionGoneError


def test_what_was_superseded_links_to_its_successor():
    error = VersionGoneError("a" * 16, current_version="b" * 16, differences="libc")
    assert error.about("flac.mp4").headers["Link"] == (
        f'<../{"b" * 16}/flac.mp4>; rel="latest-version"'
    )


def test_the_current_version_has_no_successor():
    error = VersionGoneError("a" * 16, current_version="a" * 16, differences="libc")
    assert "Link" not in error.about("flac.mp4").headers
    assert "attacca repackage" in error.advice


def test_digests_that_differ_are_cut_short_for_people():
    error = RebuildMismatchError("renditions/x", recorded="a" * 64, built="b" * 64)
    assert "a" * 13 not in str(error)
    assert (error.recorded, error.built) == ("a" * 64, "b" * 64)

import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from drm.ports import TrackKeys
from origin.neighbors import Neighbors
from origin.packaging_plan import (
    Ingredients,
    Means,
    differences,
    digest_of_gain,
    embedded_gain,
    order_of,
    plan_version,
    with_packaged,
)
from origin.records import TrackRecord, VersionRecord
from origin.tests.examples import IDENTITY, LOUDNESS, MASTER, TRACK
from origin.tests.examples import rendition as rendition_facts
from packager.content_key import ContentKey
from packager.loudness import SILENCE_LUFS, TrackGain
from packager.renditions import PROFILES, KeyClass, Protection

KEYS = TrackKeys(
    1,
    {
        key_class: ContentKey(uuid.UUID(int=number), bytes([number]) * 16)
        for number, key_class in enumerate(KeyClass, 1)
    },
)
MEANS = Means(IDENTITY, KEYS, Protection.CBCS)
NOW_S = 1_700_000_000


def plan(
    track: TrackRecord = TRACK, neighbors: Neighbors | None = None, means: Means = MEANS
) -> VersionRecord:
    return plan_version(track, neighbors or Neighbors(), means, now_s=NOW_S)


def test_a_version_is_planned_without_packaging_anything():
    version = plan()
    assert version.ladder == tuple(PROFILES)
    assert version.renditions == ()
    assert (version.created_s, version.superseded_s, version.key_version) == (NOW_S, None, 1)
    assert set(version.kids) == {KeyClass.LOSSY, KeyClass.LOSSLESS, KeyClass.SEALED}
    assert plan(replace(TRACK, file_name="other", label="Other")) == version


@pytest.mark.parametrize(
    "version",
    [
        pytest.param(plan(replace(TRACK, master=replace(MASTER, sha256="00" * 32))), id="master"),
        pytest.param(plan(neighbors=Neighbors(before=TRACK)), id="before"),
        pytest.param(plan(neighbors=Neighbors(after=TRACK)), id="after"),
        pytest.param(
            plan(replace(TRACK, loudness=replace(LOUDNESS, integrated_lufs=-9.0))), id="gain"
        ),
        pytest.param(plan(means=replace(MEANS, scheme=Protection.CENC)), id="scheme"),
        pytest.param(
            plan(means=replace(MEANS, identity=replace(IDENTITY, libc="x"))), id="encoders"
        ),
    ],
)
def test_what_reaches_the_bytes_makes_another_version(version: VersionRecord):
    assert version.version != plan().version


def test_counter_mode_has_keys_of_its_own():
    version = plan(means=replace(MEANS, scheme=Protection.CENC))
    assert set(version.kids) == {KeyClass.LOSSY_CTR, KeyClass.LOSSLESS_CTR, KeyClass.SEALED}


def test_files_embed_the_gain_of_what_they_hold():
    assert embedded_gain(TRACK) == TrackGain(-14.5, -0.5)
    stereo = replace(LOUDNESS, integrated_lufs=-20.0)
    assert embedded_gain(replace(TRACK, stereo_loudness=stereo)) == TrackGain(-20.0, -0.5)
    silent = replace(TRACK, loudness=replace(LOUDNESS, integrated_lufs=SILENCE_LUFS))
    assert embedded_gain(silent) is None
    assert digest_of_gain(None) == plan(silent).metadata_sha256 == ""
    # Only what is written counts: two decimals of a decibel.
    assert digest_of_gain(TrackGain(-14.5, -0.5)) == digest_of_gain(TrackGain(-14.5001, -0.5))


def test_an_order_holds_what_the_version_names():
    version = plan()
    ingredients = Ingredients(Path("m"), Path("b"), None)
    order = order_of(
        TRACK, version, "vorbis-96", keys=KEYS, ingredients=ingredients, folder=Path("f")
    )
    assert (order.master, order.before, order.after) == (Path("m"), Path("b"), None)
    assert order.key == KEYS.by_class[KeyClass.SEALED]
    assert order.output == Path("f/vorbis-96.ogg")
    assert order.gain == embedded_gain(TRACK)
    assert (order.version, order.scheme) == (version.version, Protection.CBCS)


OTHER_OPUS = replace(IDENTITY, opus_probe="b2")
OPUS = rendition_facts("opus-24")


def test_machines_that_differ_in_opus_alone_plan_one_version():
    assert plan(means=replace(MEANS, identity=OTHER_OPUS)).version == plan().version


@pytest.mark.parametrize(
    ("rendition", "is_told"),
    [("opus-24", True), ("flac", False), ("aac-96", False), ("vorbis-96", False), (None, True)],
)
@pytest.mark.parametrize(("recorded", "is_known"), [("a1", True), ("b2", False), ("", False)])
def test_other_arithmetic_keeps_from_making_recorded_opus_again(
    rendition: str | None, is_told: object, recorded: str, is_known: object
):
    version = with_packaged(plan(), OPUS, opus_probe=recorded)
    found = list(differences(TRACK, version, OTHER_OPUS, KEYS, rendition=rendition))
    assert len(found) == bool(is_told and is_known)


def test_opus_that_nobody_has_made_can_be_made_anywhere():
    version = replace(plan(), identity=replace(IDENTITY, opus_probe="a1"))
    assert not list(differences(TRACK, version, OTHER_OPUS, KEYS, rendition="opus-24"))
    with_flac = with_packaged(version, rendition_facts("flac"), opus_probe="b2")
    assert with_flac.identity.opus_probe == "a1"


def test_a_version_that_can_be_made_has_no_differences():
    assert list(differences(TRACK, plan(), IDENTITY, KEYS)) == []


@pytest.mark.parametrize(
    ("version", "message"),
    [
        pytest.param(
            replace(plan(), identity=replace(IDENTITY, libraries={"av": "17"})),
            "libraries.av was 17, is 18",
            id="another library",
        ),
        pytest.param(
            replace(plan(), identity=replace(IDENTITY, architecture="aarch64")),
            "architecture was aarch64, is x86_64",
            id="another machine",
        ),
        pytest.param(
            replace(plan(), kids={KeyClass.LOSSY: "other"}),
            "its lossy key is not the track's present one",
            id="other keys",
        ),
        pytest.param(
            replace(plan(), metadata_sha256=""),
            "its files embed another loudness",
            id="another loudness",
        ),
    ],
)
def test_differences_are_told_in_words(version: VersionRecord, message: str):
    assert list(differences(TRACK, version, IDENTITY, KEYS)) == [message]

import pytest

from packager.renditions import (
    CODEC_STRINGS,
    MIME_TYPES,
    PROFILES,
    Codec,
    Container,
    KeyClass,
    Protection,
)


def test_the_ladder_is_listed_best_first():
    assert list(PROFILES) == ["flac", "aac-160", "vorbis-160"]


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_found_under_its_own_name(name: str):
    assert PROFILES[name].name == name


def test_no_key_serves_both_whole_files_and_samples():
    protections_by_class: dict[KeyClass, set[Protection]] = {}
    for profile in PROFILES.values():
        protections_by_class.setdefault(profile.key_class, set()).add(profile.protection)
    assert all(len(protections) == 1 for protections in protections_by_class.values())
    assert protections_by_class[KeyClass.SEALED] == {Protection.SEALED}


def test_lossless_has_a_key_of_its_own():
    classes = {profile.key_class for profile in PROFILES.values() if profile.codec is Codec.FLAC}
    assert classes == {KeyClass.LOSSLESS}


def test_every_codec_and_container_has_its_media_type():
    assert set(CODEC_STRINGS) == set(Codec)
    assert set(MIME_TYPES) == set(Container)

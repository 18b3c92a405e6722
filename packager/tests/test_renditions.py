import pytest

from packager.renditions import (
    CODEC_STRINGS,
    MIME_TYPES,
    PROFILES,
    Codec,
    Container,
    KeyClass,
    Protection,
    profile_of,
)

SCHEMES = (Protection.CBCS, Protection.CENC)
CTR_CLASSES = {KeyClass.LOSSY_CTR, KeyClass.LOSSLESS_CTR}


def test_the_ladder_is_listed_best_first():
    assert list(PROFILES) == [
        "flac",
        "aac-320",
        "aac-160",
        "aac-96",
        "vorbis-320",
        "vorbis-160",
        "vorbis-96",
        "opus-24",
    ]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_found_under_its_own_name(name: str, scheme: Protection):
    assert profile_of(name, scheme).name == PROFILES[name].name == name


@pytest.mark.parametrize("name", [name for name in PROFILES if name != "flac"])
def test_names_of_lossy_renditions_tell_codec_and_rate(name: str):
    profile = PROFILES[name]
    assert f"{profile.codec}-{(profile.bitrate_bps or 0) // 1000}" == name


@pytest.mark.parametrize("name", PROFILES)
def test_the_scheme_decides_over_fragmented_mp4_alone(name: str):
    profile, other = profile_of(name, Protection.CBCS), profile_of(name, Protection.CENC)
    if profile.container is Container.MP4:
        assert (profile.protection, other.protection) == (Protection.CBCS, Protection.CENC)
    else:
        assert profile == other
        assert profile.protection is Protection.SEALED


def test_no_key_serves_two_modes_of_encryption():
    protections_by_class: dict[KeyClass, set[Protection]] = {}
    for scheme in SCHEMES:
        for name in PROFILES:
            profile = profile_of(name, scheme)
            protections_by_class.setdefault(profile.key_class, set()).add(profile.protection)
    assert set(protections_by_class) == set(KeyClass)
    assert all(len(protections) == 1 for protections in protections_by_class.values())
    assert protections_by_class[KeyClass.SEALED] == {Protection.SEALED}
    assert all(protections_by_class[kind] == {Protection.CENC} for kind in CTR_CLASSES)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_lossless_has_a_key_of_its_own(scheme: Protection):
    profiles = [profile_of(name, scheme) for name in PROFILES]
    lossless = {profile.key_class for profile in profiles if profile.codec is Codec.FLAC}
    lossy = {profile.key_class for profile in profiles if profile.codec is not Codec.FLAC}
    assert len(lossless) == 1
    assert not lossless & lossy


def test_every_codec_and_container_has_its_media_type():
    assert set(CODEC_STRINGS) == set(Codec)
    assert set(MIME_TYPES) == set(Container)

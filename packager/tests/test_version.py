import dataclasses
import re
import uuid
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.identity import CpuClass, EncoderIdentity
from packager.renditions import PROFILES, Container, KeyClass, Protection
from packager.version import SegmentPlan, VersionInputs, plan_ladder, version_of

IDENTITY = EncoderIdentity(
    libraries={"av": "18.1.0", "libavcodec": "62.28.102"},
    wheels={"av": "Tag: any"},
    architecture="x86_64",
    libc="glibc 2.36",
    cpu_class=CpuClass.X86_64_V3,
)
LADDER = plan_ladder(scheme=Protection.CBCS, master_rate_hz=96_000)
INPUTS = VersionInputs(
    master_sha256="11" * 32,
    context_before="",
    context_after="",
    metadata_sha256="22" * 32,
    identity=IDENTITY,
    kids={key_class: uuid.UUID(int=number) for number, key_class in enumerate(KeyClass)},
    ladder=LADDER,
)


def kids_with(key_class: KeyClass) -> dict[KeyClass, uuid.UUID]:
    return {**INPUTS.kids, key_class: uuid.UUID(int=99)}


def test_a_version_is_16_hexadecimal_digits_and_the_same_again():
    assert re.fullmatch(r"[0-9a-f]{16}", version_of(INPUTS))
    assert version_of(INPUTS) == version_of(replace(INPUTS))


CASES = [
    pytest.param(replace(INPUTS, master_sha256="12" * 32), id="master"),
    pytest.param(replace(INPUTS, context_before="aa"), id="context before"),
    pytest.param(replace(INPUTS, context_after="aa"), id="context after"),
    pytest.param(replace(INPUTS, metadata_sha256="23" * 32), id="metadata"),
    *(
        pytest.param(replace(INPUTS, kids=kids_with(kind)), id=f"KID of {kind}")
        for kind in (KeyClass.LOSSY, KeyClass.LOSSLESS, KeyClass.SEALED)
    ),
    *(
        pytest.param(replace(INPUTS, ladder=ladder), id=f"ladder: {name}")
        for name, ladder in {
            "scheme": plan_ladder(scheme=Protection.CENC, master_rate_hz=96_000),
            "fewer rungs": LADDER[:-1],
            "order": LADDER[::-1],
            "sample rates": plan_ladder(scheme=Protection.CBCS, master_rate_hz=88_200),
            "segments": [replace(one, segments=SegmentPlan(1, 7)) for one in LADDER],
            "bit rate": [
                replace(one, profile=replace(one.profile, bitrate_bps=1)) for one in LADDER
            ],
        }.items()
    ),
    *(
        pytest.param(replace(INPUTS, identity=replace(IDENTITY, **change)), id=str(*change))
        for change in (
            {"libraries": {"av": "18.1.1", "libavcodec": "62.28.102"}},
            {"wheels": {"av": "Tag: other"}},
            {"architecture": "aarch64"},
            {"libc": "glibc 2.37"},
            {"cpu_class": CpuClass.GENERIC},
            {"packaging_format": 99},
        )
    ),
]


CASES.append(pytest.param(replace(INPUTS, revision=1), id="revision"))
OTHERS = [cast("VersionInputs", case.values[0]) for case in CASES]


@pytest.mark.parametrize("other", CASES)
def test_each_input_changes_the_version(other: VersionInputs):
    assert version_of(other) != version_of(INPUTS)


def test_no_two_of_them_give_the_same_version():
    assert len({version_of(other) for other in OTHERS}) == len(OTHERS)


def test_every_input_has_a_case_of_its_own():
    for field in dataclasses.fields(VersionInputs):
        own = getattr(INPUTS, field.name)
        assert any(getattr(case, field.name) != own for case in OTHERS), field.name
    for field in dataclasses.fields(EncoderIdentity):
        if field.name == "opus_probe":
            continue
        own = getattr(IDENTITY, field.name)
        assert any(getattr(case.identity, field.name) != own for case in OTHERS), field.name


def test_the_probe_of_opus_does_not_count():
    other = replace(INPUTS, identity=replace(IDENTITY, opus_probe="other"))
    assert version_of(other) == version_of(INPUTS)


TEXTS = st.text("0123456789abcdef", max_size=4)


@given(first=st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), second=st.tuples(TEXTS, TEXTS, TEXTS, TEXTS))
def test_no_input_is_taken_for_another(
    first: tuple[str, str, str, str], second: tuple[str, str, str, str]
):
    versions = [
        version_of(
            replace(
                INPUTS,
                master_sha256=master,
                context_before=before,
                context_after=after,
                metadata_sha256=metadata,
            )
        )
        for master, before, after, metadata in (first, second)
    ]
    assert (versions[0] == versions[1]) == (first == second)


@given(st.permutations(list(KeyClass)), st.permutations(list(IDENTITY.libraries)))
def test_the_order_of_mappings_does_not_count(kinds: list[KeyClass], names: list[str]):
    other = replace(
        INPUTS,
        kids={kind: INPUTS.kids[kind] for kind in kinds},
        identity=replace(IDENTITY, libraries={name: IDENTITY.libraries[name] for name in names}),
        ladder=list(LADDER),
    )
    assert version_of(other) == version_of(INPUTS)


@pytest.mark.parametrize("kind", [KeyClass.LOSSY_CTR, KeyClass.LOSSLESS_CTR])
def test_keys_that_the_ladder_does_not_use_do_not_count(kind: KeyClass):
    without = {key: kid for key, kid in INPUTS.kids.items() if key is not kind}
    for kids in (kids_with(kind), without):
        assert version_of(replace(INPUTS, kids=kids)) == version_of(INPUTS)


def test_masters_of_one_family_share_the_rates_of_all_lossy_rungs():
    rates = [
        {
            one.profile.name: one.sample_rate_hz
            for one in plan_ladder(scheme=Protection.CBCS, master_rate_hz=master_hz)
        }
        for master_hz in (44_100, 88_200, 32_000)
    ]
    assert [rate["flac"] for rate in rates] == [44_100, 88_200, 32_000]
    assert [rate["aac-160"] for rate in rates] == [44_100, 44_100, 48_000]
    assert [rate["vorbis-96"] for rate in rates] == [44_100, 44_100, 48_000]
    assert {rate["opus-24"] for rate in rates} == {48_000}


def test_a_plan_keeps_the_order_of_the_names_and_follows_the_scheme():
    names = ("opus-24", "flac", "vorbis-160")
    plan = plan_ladder(names, scheme=Protection.CENC, master_rate_hz=44_100)
    assert tuple(one.profile.name for one in plan) == names
    assert [one.profile.protection for one in plan] == ["cenc", "cenc", "sealed"]
    whole = plan_ladder(scheme=Protection.CBCS, master_rate_hz=44_100)
    assert [one.profile for one in whole] == list(PROFILES.values())
    assert {one.profile.container for one in whole} == set(Container)

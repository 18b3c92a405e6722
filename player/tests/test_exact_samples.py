import dataclasses
import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.renditions import Codec, Container, Protection
from packager.seek_index import RenditionFacts, SeekIndex
from player.errors import WrongLengthError
from player.exact_samples import ExactSamples

FACTS = RenditionFacts(
    name="aac-160",
    codec=Codec.AAC,
    codec_string="mp4a.40.2",
    container=Container.MP4,
    mime="audio/mp4",
    bitrate_bps=1,
    bandwidth_bps=1,
    sample_rate_hz=44_100,
    channels=2,
    bits=0,
    samples=50,
    priming=10,
    bytes=1,
    sha256="",
    clear_sha256="",
    kid="",
    protection=Protection.CLEAR,
    iv="",
    seek=SeekIndex(0, 0, 0, 0, ()),
)
WHOLE = np.arange(140, dtype="<f4").reshape(70, 2)


@given(st.lists(st.integers(0, 70), max_size=6))
def test_the_result_does_not_depend_on_how_the_sound_is_cut(cuts: list[int]):
    samples = ExactSamples(FACTS)
    kept = [samples.cut(block) for block in np.split(WHOLE, sorted(cuts))]
    assert np.array_equal(np.concatenate(kept), WHOLE[10:60])
    assert samples.count == 50
    assert samples.close() == hashlib.sha256(WHOLE[10:60].tobytes()).hexdigest()


def test_too_few_samples_are_refused():
    samples = ExactSamples(FACTS)
    samples.cut(WHOLE[:59])
    with pytest.raises(WrongLengthError) as raised:
        samples.close()
    assert (raised.value.decoded, raised.value.expected) == (49, 50)


def test_more_than_padding_is_refused():
    samples = ExactSamples(FACTS)
    samples.cut(np.zeros((60 + 2049, 2), dtype="<f4"))
    with pytest.raises(WrongLengthError):
        samples.close()


def test_flac_may_not_return_a_single_sample_more():
    samples = ExactSamples(dataclasses.replace(FACTS, codec=Codec.FLAC, priming=0))
    samples.cut(WHOLE[:51])
    with pytest.raises(WrongLengthError):
        samples.close()

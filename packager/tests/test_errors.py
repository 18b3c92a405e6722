import json

import pytest

from packager import errors

EXAMPLES = [
    errors.PackagerError("why"),
    errors.MasterError("why"),
    errors.MasterUnreadableError("why"),
    errors.EmptyMasterError(),
    errors.NotAudioError("why"),
    errors.TornMasterError("why", sample=12_345),
    errors.MasterChangedError("why"),
    errors.UnsupportedMasterError("why"),
    errors.ChannelCountError(9),
    errors.SampleRateError(4_000),
    errors.MasterTooLongError("why"),
    errors.MasterTooCostlyError("why"),
    errors.NoSamplesError(),
    errors.SampleFormatError("why"),
    errors.WorkerError("why"),
    errors.ChannelLayoutError("2.1"),
    errors.WorkerDiedError("why"),
    errors.WorkerStartError("why"),
    errors.PoolBusyError("why"),
    errors.ScratchError("why"),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: error.reason)
def test_an_error_comes_through_a_pipe_as_what_it_is(error: errors.PackagerError):
    other = errors.decode_error(json.loads(json.dumps(errors.encode_error(error))))
    assert type(other) is type(error)
    assert str(other) == str(error) != ""
    assert errors.encode_error(other) == errors.encode_error(error)


def test_every_error_has_its_own_reason_and_tells_what_to_do():
    kinds = {type(error) for error in EXAMPLES}
    assert len({kind.reason for kind in kinds}) == len(kinds) == len(EXAMPLES)
    assert all(kind.advice and kind.title and 400 <= kind.status < 600 for kind in kinds)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"reason": "torn_master"},
        {"reason": "torn_master", "facts": {"detail": "no sample"}},
        {"reason": "of a later version", "facts": {"detail": "x"}},
    ],
)
def test_what_is_not_known_comes_out_as_the_plain_error(value: dict[str, object]):
    assert type(errors.decode_error(value)) is errors.PackagerError

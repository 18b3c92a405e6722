import pytest

from drm.errors import DrmError
from origin.errors import AlbumFullError, SourceChangedError, StoreFullError, TakenDownError
from origin.intake.errors import UploadDamagedError, UploadMismatchError
from origin.intake.refusing import ATTEMPTS_MAX, Failure, advice_of, is_final, refusal_of
from packager.errors import NotAudioError, ScratchError, TornMasterError, WorkerDiedError


@pytest.mark.parametrize(
    ("error", "is_last"),
    [
        (NotAudioError(), True),
        (TornMasterError("x", sample=7), True),
        (UploadMismatchError("0" * 64), True),
        (UploadDamagedError("x"), True),
        (AlbumFullError("x"), True),
        (TakenDownError("x", "court order"), True),
        (SourceChangedError("x"), False),
        (StoreFullError("x"), False),
        (ScratchError("x"), False),
        (WorkerDiedError("x"), False),
        (DrmError("x"), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_only_what_the_upload_is_to_blame_for_is_final(error: Failure, is_last: bool):
    assert is_final(error, attempts=1) == is_last


def test_a_file_that_kills_its_workers_each_time_is_refused():
    assert not is_final(WorkerDiedError("x"), attempts=ATTEMPTS_MAX - 1)
    assert is_final(WorkerDiedError("x"), attempts=ATTEMPTS_MAX)


def test_a_refusal_names_the_field_at_fault():
    torn = refusal_of(TornMasterError("the stream ends", sample=7))
    assert (torn.code, torn.field) == ("torn_master", "content")
    assert "sample 7" in torn.detail
    assert torn.advice
    assert refusal_of(UploadMismatchError("0" * 64)).field == "sha256"
    assert refusal_of(AlbumFullError("x")).field == "album"


def test_every_failure_comes_with_advice():
    assert advice_of(DrmError("x"))
    assert advice_of(ScratchError("x"))

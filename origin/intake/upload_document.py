"""Uploads and their events as the JSON that labels read. No I/O."""

from collections.abc import Mapping, Sequence
from typing import Final

from origin.intake.upload import PROCESSED, Duplicate, Outcome, State, Upload
from origin.intake.upload_json import refusal_to_json
from origin.intake.upload_metadata import file_name_of, unknown_fields

UPLOADS_PATH: Final = "/v1/uploads"


def upload_url(upload_id: str) -> str:
    """Path of an upload."""
    return f"{UPLOADS_PATH}/{upload_id}"


def received_bytes(upload: Upload) -> int:
    """Bytes that arrived; parts are removed once they are a track, or are refused."""
    return upload.offset if upload.state in {State.RECEIVING, State.GONE} else upload.length


def upload_document(
    upload: Upload, *, progress: float = 0.0, waiting: Mapping[str, str] | None = None
) -> dict[str, object]:
    """The answer of `/v1/uploads/{id}`.

    Args:
        upload: the upload.
        progress: of its processing, from 0 to 1; of no account in other states.
        waiting: why its processing does not go on at the moment, if that is known.
    """
    return {
        "id": upload.upload_id,
        "url": upload_url(upload.upload_id),
        "state": upload.state,
        "length": upload.length,
        "offset": received_bytes(upload),
        "progress": _progress_of(upload, progress),
        "file_name": file_name_of(upload.metadata) or None,
        "metadata": dict(upload.metadata),
        "unknown_fields": unknown_fields(upload.metadata),
        "created_s": upload.created_s,
        "expires_s": upload.expires_s,
        **_outcome_members(upload),
        "waiting": dict(waiting) if waiting and upload.state in PROCESSED else None,
    }


def upload_list_document(uploads: Sequence[Upload], following: str | None) -> dict[str, object]:
    """A page of `/v1/uploads`; `following` is the reference to the next one."""
    return {"uploads": [upload_document(one) for one in uploads], "next": following}


def event_document(upload: Upload, *, at_s: int) -> dict[str, object]:
    """What an event tells of an upload that entered its state."""
    return {
        "upload_id": upload.upload_id,
        "url": upload_url(upload.upload_id),
        "state": upload.state,
        "at_s": at_s,
        **_outcome_members(upload),
    }


def _progress_of(upload: Upload, progress: float) -> float:
    if upload.state in PROCESSED:
        return round(min(1.0, max(0.0, progress)), 3)
    return 1.0 if upload.state in {State.READY, State.REFUSED} else 0.0


def _outcome_members(upload: Upload) -> dict[str, object]:
    outcome = upload.outcome
    return {
        "track_id": outcome.track_id if outcome is not None else None,
        "version": outcome.version if outcome is not None else None,
        "is_new": outcome.is_new if outcome is not None else None,
        "duplicates": _duplicates_of(outcome, is_operator=upload.label == ""),
        "refused": refusal_to_json(upload.refusal) if upload.refusal is not None else None,
    }


def _duplicates_of(outcome: Outcome | None, *, is_operator: bool) -> list[dict[str, object]]:
    """The duplicates as their label may know them: of other labels', that there are some."""
    found: Sequence[Duplicate] = outcome.duplicates if outcome is not None else ()
    documents: list[dict[str, object]] = []
    is_hidden_told = False
    for one in found:
        told: dict[str, object] = {"similarity": one.similarity, "foreign": one.is_foreign}
        if is_operator or not one.is_foreign:
            told |= {"track_id": one.track_id, "url": f"/v1/tracks/{one.track_id}"}
        elif is_hidden_told:
            continue
        else:
            is_hidden_told = True
        documents.append(told)
    return documents

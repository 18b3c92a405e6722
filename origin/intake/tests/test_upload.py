from dataclasses import replace

import pytest

from origin.intake.tests.uploads import FOLDER, UPLOAD_ID, make_upload
from origin.intake.upload import (
    PART_BYTES,
    Part,
    QueuedUpload,
    State,
    is_label,
    is_upload_id,
    parse_queue_key,
    parse_record_key,
    part_key,
    queue_key,
    record_key,
)


def test_parts_follow_each_other_without_a_gap():
    upload = make_upload(length=2 * PART_BYTES)
    upload = upload.with_part(PART_BYTES, "a").with_part(5, "b").with_part(7, "c")
    assert [part.offset for part in upload.parts] == [0, PART_BYTES, PART_BYTES + 5]
    assert upload.offset == PART_BYTES + 12
    assert not upload.is_complete


def test_the_tail_is_what_is_no_whole_part():
    upload = make_upload(length=2 * PART_BYTES)
    assert upload.tail == ()
    upload = upload.with_part(PART_BYTES, "a")
    assert upload.tail == ()
    upload = upload.with_part(5, "b").with_part(7, "c")
    assert [part.nonce for part in upload.tail] == ["b", "c"]
    merged = upload.with_part(20, "d", replaced=upload.tail)
    assert merged.parts == (Part(0, PART_BYTES, "a"), Part(PART_BYTES, 20, "d"))


def test_another_state_is_told_anew():
    upload = replace(make_upload(), is_told=True).in_state(State.DECODING)
    assert (upload.state, upload.is_told) == (State.DECODING, False)


@pytest.mark.parametrize("label", ["", "nebula", "a-1"])
def test_keys_name_the_upload_they_are_of(label: str):
    upload = make_upload(label=label)
    assert parse_record_key(record_key(label, upload.upload_id)) == (label, UPLOAD_ID)
    key = queue_key(upload)
    assert parse_queue_key(key) == QueuedUpload(key, label, UPLOAD_ID)
    assert part_key(upload.folder, Part(5, 7, "abcd")) == f"uploads/{FOLDER}/0000000000000005-abcd"


def test_older_uploads_come_first_in_the_queue():
    older = make_upload(upload_id="f" * 32)
    assert queue_key(older) < queue_key(replace(make_upload(), created_s=older.created_s + 1))


@pytest.mark.parametrize("key", ["upload-queue/x", "upload-queue/a/1-2", "upload-queue/"])
def test_other_keys_are_no_entries(key: str):
    assert parse_queue_key(key) is None


@pytest.mark.parametrize("key", ["upload-records/A/x.json", f"upload-records/A/{UPLOAD_ID}.json"])
def test_other_keys_are_no_records(key: str):
    assert parse_record_key(key) is None


@pytest.mark.parametrize(
    ("text", "is_right"),
    [("a", True), ("a-9", True), ("", False), ("-a", False), ("A", False), ("_", False)],
)
def test_a_label_is_lower_case(text: str, is_right: bool):
    assert is_label(text) == is_right


def test_an_id_is_hexadecimal():
    assert is_upload_id(UPLOAD_ID)
    assert not is_upload_id(UPLOAD_ID.upper())
    assert not is_upload_id("../" + UPLOAD_ID)

from dataclasses import replace

import pytest

from origin.intake.tests.uploads import NOW_S, make_upload
from origin.intake.upload import Duplicate, Outcome, Refusal, State
from origin.intake.upload_document import event_document, upload_document, upload_list_document


def test_an_upload_tells_how_far_it_is():
    upload = make_upload(filename="a/b.wav", colour="blue").with_part(4, "x")
    document = upload_document(upload)
    assert (document["state"], document["offset"], document["length"]) == ("receiving", 4, 10)
    assert document["file_name"] == "b.wav"
    assert document["unknown_fields"] == ("colour",)
    assert document["url"] == f"/v1/uploads/{upload.upload_id}"


@pytest.mark.parametrize(
    ("state", "progress", "offset"),
    [
        (State.RECEIVING, 0.0, 0),
        (State.RECEIVED, 0.25, 10),
        (State.PACKAGING, 0.25, 10),
        (State.READY, 1.0, 10),
        (State.REFUSED, 1.0, 10),
    ],
)
def test_progress_is_that_of_the_processing(state: State, progress: float, offset: int):
    document = upload_document(replace(make_upload(), state=state), progress=0.25)
    assert (document["progress"], document["offset"]) == (progress, offset)


def test_an_outcome_names_the_track_and_its_duplicates():
    outcome = Outcome("t", "v", is_new=False, duplicates=(Duplicate("u", 0.9),))
    document = event_document(replace(make_upload(), outcome=outcome), at_s=NOW_S)
    assert (document["track_id"], document["version"], document["is_new"]) == ("t", "v", False)
    assert document["duplicates"] == [
        {"track_id": "u", "similarity": 0.9, "foreign": False, "url": "/v1/tracks/u"}
    ]


def test_of_other_labels_it_is_told_that_there_is_a_duplicate_and_no_more():
    found = (
        Duplicate("a", 0.95, is_foreign=True),
        Duplicate("b", 0.9),
        Duplicate("c", 0.85, is_foreign=True),
    )
    outcome = Outcome("t", "v", is_new=True, duplicates=found)
    label = upload_document(replace(make_upload(), outcome=outcome))["duplicates"]
    assert label == [
        {"similarity": 0.95, "foreign": True},
        {"track_id": "b", "similarity": 0.9, "foreign": False, "url": "/v1/tracks/b"},
    ]
    operator = upload_document(replace(make_upload(label=""), outcome=outcome))["duplicates"]
    assert isinstance(operator, list)
    assert [one["track_id"] for one in operator] == ["a", "b", "c"]


def test_a_refusal_says_what_to_do():
    upload = replace(make_upload(), state=State.REFUSED, refusal=Refusal("c", "f", "d", "a"))
    assert upload_document(upload)["refused"] == {
        "code": "c",
        "field": "f",
        "detail": "d",
        "advice": "a",
    }


def test_only_what_is_processed_waits():
    waiting = {"code": "scratch", "advice": "Make room."}
    received = replace(make_upload(), state=State.RECEIVED)
    assert upload_document(received, waiting=waiting)["waiting"] == waiting
    ready = replace(make_upload(), state=State.READY)
    assert upload_document(ready, waiting=waiting)["waiting"] is None


def test_a_page_names_the_next_one():
    assert upload_list_document([make_upload()], "more")["next"] == "more"

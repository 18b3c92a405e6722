from dataclasses import replace

import orjson
import pytest

from origin.errors import RecordError
from origin.intake.tests.uploads import make_upload
from origin.intake.upload import Duplicate, Outcome, Refusal, State, Upload
from origin.intake.upload_json import decode_upload, encode_upload

UPLOADS = [
    pytest.param(make_upload(title="Ton"), id="new"),
    pytest.param(make_upload().with_part(4, "0" * 8).with_part(5, "1" * 8), id="with parts"),
    pytest.param(
        replace(
            make_upload(label=""),
            state=State.READY,
            outcome=Outcome(
                "t", "v", is_new=True, duplicates=(Duplicate("u", 0.912, is_foreign=True),)
            ),
            attempts=2,
            told=frozenset({State.DECODING, State.PACKAGING}),
            is_new=True,
            is_told=True,
        ),
        id="ready",
    ),
    pytest.param(
        replace(make_upload(), state=State.REFUSED, refusal=Refusal("c", "f", "d", "a")),
        id="refused",
    ),
]


@pytest.mark.parametrize("upload", UPLOADS)
def test_what_is_written_is_read_again(upload: Upload):
    assert decode_upload(encode_upload(upload)) == upload


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"schema": 1}, id="another schema"),
        pytest.param({"more": 1}, id="an unknown member"),
        pytest.param({"upload_id": "../x"}, id="no id"),
        pytest.param({"nonce": "../x"}, id="no nonce"),
        pytest.param({"label": "UPPER"}, id="no label"),
        pytest.param({"state": "lost"}, id="no state"),
        pytest.param({"told": ["lost"]}, id="no state that was told"),
        pytest.param({"parts": [[0, "0" * 8]]}, id="an empty part"),
        pytest.param({"parts": [[11, "0" * 8]]}, id="more parts than length"),
        pytest.param({"parts": [["1", "0" * 8]]}, id="no part"),
        pytest.param({"metadata": {"a": 1}}, id="metadata that is no text"),
        pytest.param({"metadata": []}, id="metadata that is no object"),
    ],
)
def test_what_this_release_did_not_write_is_refused(change: dict[str, object]):
    document = {**orjson.loads(encode_upload(make_upload())), **change}
    with pytest.raises(RecordError):
        decode_upload(orjson.dumps(document))


def test_what_is_no_json_is_refused():
    with pytest.raises(RecordError):
        decode_upload(b"{")

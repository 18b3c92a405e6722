"""Which span a request is about."""

import pytest
from multidict import CIMultiDict

from edge.peers.ownership import SPAN_BYTES
from edge.peers.placing import place


@pytest.mark.parametrize(
    ("asked", "span", "sent"),
    [
        pytest.param(None, 0, None, id="the whole is about the record"),
        pytest.param("bytes=0-9", 0, "bytes=0-9", id="the first span"),
        pytest.param(
            f"bytes={SPAN_BYTES}-{SPAN_BYTES}",
            1,
            f"bytes={SPAN_BYTES}-{SPAN_BYTES}",
            id="the next one",
        ),
        pytest.param(
            f"bytes=5-{SPAN_BYTES}", 0, f"bytes=5-{SPAN_BYTES - 1}", id="cut where the span ends"
        ),
        pytest.param("bytes=7-", 0, f"bytes=7-{SPAN_BYTES - 1}", id="an open end is cut as well"),
        pytest.param("bytes=-500", 0, "bytes=-500", id="nobody knows where the end is"),
        pytest.param("bytes=1-2,5-6", 0, "bytes=1-2,5-6", id="several ranges"),
        pytest.param("bytes=x", 0, "bytes=x", id="no range at all"),
    ],
)
def test_a_range_is_about_the_span_of_its_first_byte(
    asked: str | None, span: int, sent: str | None
):
    fields = CIMultiDict({} if asked is None else {"Range": asked})
    found, placed = place(fields)
    assert (found, placed.get("Range")) == (span, sent)
    assert fields.get("Range") == asked


@pytest.mark.parametrize("name", ["If-None-Match", "If-Modified-Since"])
def test_a_validation_is_about_the_record(name: str):
    fields = CIMultiDict({"Range": f"bytes={SPAN_BYTES + 5}-{SPAN_BYTES + 9}", name: "x"})
    assert place(fields) == (0, fields)

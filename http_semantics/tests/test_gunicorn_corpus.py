"""gunicorn's corpus of requests: what is to be refused is, and what is not, and why."""

import pytest

from http_semantics.request_framing import BadRequest, RequestFraming
from http_semantics.request_head import Flaw
from http_semantics.tests.corpus import FOLDER, INVALID, VALID, requests, with_host

HEAD_BYTES_MAX = 32 << 10

# These are about limits that are lower there: those of a head in bytes, and of its fields.
LIMITS = {
    "006": (4096, 100),  # Of a request line.
    "007": (8190, 100),  # Of a field.
    "008": (8190, 100),
    "010": (30, 100),
    "011": (8190, 2),
    "012": (150, 100),
    "017": (150, 100),
    "limit_header_default_01": (8190, 100),
}

# Read once they name a host, as HTTP/1.1 asks them to.
READ_WITH_HOST = {
    "003c": "a method like any other, which the edge does not know",
    "019": "fields that contradict each other, which the edge does not heed",
}
NO_HOST = "3.2: without a host"
CODING = "6.1: a coding that is not understood; answered 501 if it stands in one line with chunked"
FOLDED = "5.2: a folded line"
ALIAS = "the same bytes as an invalid one: names that servers of variables take for others"
PROXY = "not HTTP, but the PROXY protocol"
REFUSED = {
    **dict.fromkeys(
        ["004", "005", "006", "007", "010", "011", "012", "013", "014", "018", "019", "021", "022",
         "023", "025_line", "031", "031compat", "031compat2", "100"],
        NO_HOST,
    ),
    **dict.fromkeys(["025", "029", "030"], CODING),
    "028": "5.1: white space between a field's name and the colon",
    **dict.fromkeys(["040", "040_compat"], ALIAS),
    **dict.fromkeys(["compat_obs_fold", "compat_obs_fold_huge"], FOLDED),
    **dict.fromkeys(["pp_01", "pp_02", "pp_04", "pp_05"], PROXY),
}  # fmt: skip


def flaw_of(
    sent: bytes, head_bytes_max: int = HEAD_BYTES_MAX, fields_max: int = 100
) -> Flaw | str | None:
    """What is wrong; "unfinished" if the rest of a request is missing."""
    framing = RequestFraming(head_bytes_max=head_bytes_max, fields_max=fields_max)
    pieces = framing.feed(sent)
    last = pieces[-1] if pieces else None
    if isinstance(last, BadRequest):
        return last.flaw
    return None if framing.is_over or framing.is_at_boundary else "unfinished"


def test_the_corpus_is_there():
    found = len(requests(INVALID)), len(requests(VALID))
    assert found == (81, 62), f"`make install-test` puts the archive into {FOLDER}"


@pytest.mark.parametrize("name", requests(INVALID))
def test_what_is_invalid_is_refused(name: str):
    sent = requests(INVALID)[name]
    flaw = flaw_of(sent)
    if flaw is Flaw.HOST and b"\r\nHost:" not in sent:
        flaw = flaw_of(with_host(sent))  # Refused for what it is about as well.
        assert flaw or name in READ_WITH_HOST or name in LIMITS
    else:
        assert flaw or name in LIMITS
    if name in LIMITS:
        assert flaw is None
        assert flaw_of(with_host(sent), *LIMITS[name]) is Flaw.HEAD_SIZE


def test_almost_all_are_refused_as_they_stand():
    assert sum(flaw_of(sent) is not None for sent in requests(INVALID).values()) >= 75


@pytest.mark.parametrize("name", requests(VALID))
def test_what_is_valid_is_read(name: str):
    sent = requests(VALID)[name]
    reason = REFUSED.get(name)
    flaw = flaw_of(sent)
    if name == "099":  # Its content is shorter than it says.
        assert flaw == "unfinished"
    else:
        assert (flaw is None) == (reason is None)
    if reason == NO_HOST:
        assert flaw is Flaw.HOST
        assert flaw_of(with_host(sent)) is None

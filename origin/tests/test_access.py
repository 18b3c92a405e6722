import pytest

from config.credentials import EDGE_CREDENTIAL_HEADER, CallRefusedError, Credential
from origin.access import OriginCredentials, check_access
from origin.errors import AccessRefusedError

OPERATOR = "operator-credential-text"
EDGE = "edge-credential-text-too"
CREDENTIALS = OriginCredentials(operator=Credential(OPERATOR), edge=Credential(EDGE))
LOCAL = {"Host": "127.0.0.1:8090"}


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({EDGE_CREDENTIAL_HEADER: EDGE}, id="edge"),
        pytest.param(
            {EDGE_CREDENTIAL_HEADER: EDGE, "Host": "origin.example", "Origin": "https://player"},
            id="edge, for a web page, under any name",
        ),
        pytest.param({"Authorization": f"Bearer {OPERATOR}", **LOCAL}, id="operator"),
        pytest.param(
            {"Authorization": f"Bearer {OPERATOR}", "Host": "origin.example"},
            id="operator, under a name that is allowed",
        ),
    ],
)
def test_who_may_ask(headers: dict[str, str]):
    assert is_let_in(headers)
    assert not is_let_in({name: value + "x" for name, value in headers.items()})


def is_let_in(headers: dict[str, str]) -> bool:
    try:
        check_access(headers, CREDENTIALS, allowed_hosts=frozenset({"origin.example"}))
    except AccessRefusedError:
        return False
    return True


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        pytest.param({}, AccessRefusedError, id="nobody"),
        pytest.param({EDGE_CREDENTIAL_HEADER: ""}, AccessRefusedError, id="empty"),
        pytest.param({EDGE_CREDENTIAL_HEADER: EDGE[:-1]}, AccessRefusedError, id="cut"),
        pytest.param({EDGE_CREDENTIAL_HEADER: OPERATOR}, AccessRefusedError, id="wrong place"),
        pytest.param(
            {"Authorization": f"Bearer {EDGE}"}, AccessRefusedError, id="edge's as bearer"
        ),
        pytest.param({"Authorization": f"Basic {OPERATOR}"}, AccessRefusedError, id="no bearer"),
        pytest.param({"Authorization": "Bearer ü"}, AccessRefusedError, id="not ASCII"),
        pytest.param(
            {"Authorization": f"Bearer {OPERATOR}", "Origin": "http://evil", **LOCAL},
            CallRefusedError,
            id="operator's, from a web page",
        ),
        pytest.param(
            {"Authorization": f"Bearer {OPERATOR}", "Host": "evil.example"},
            CallRefusedError,
            id="operator's, by a foreign name",
        ),
    ],
)
def test_who_may_not(headers: dict[str, str], error: type[Exception]):
    with pytest.raises(error) as raised:
        check_access(headers, CREDENTIALS, allowed_hosts=frozenset())
    assert OPERATOR not in str(raised.value)
    assert EDGE not in str(raised.value)


def test_credentials_do_not_show():
    assert OPERATOR not in repr(CREDENTIALS)
    assert EDGE not in repr(CREDENTIALS)

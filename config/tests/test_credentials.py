import pytest

from config.credentials import (
    CallRefusedError,
    Credential,
    CredentialMissingError,
    bearer_of,
    guard_local_call,
    require_bearer,
)

OPERATOR = Credential("an-operator-credential")


def test_a_generated_credential_matches_itself_alone():
    one, other = Credential.generate(), Credential.generate()
    assert one.matches(one.reveal())
    assert not one.matches(other.reveal())
    assert not one.matches(None)
    assert not one.matches("")
    assert not one.matches("\udcff")


def test_the_secret_is_not_shown():
    assert OPERATOR.reveal() not in repr(OPERATOR)


@pytest.mark.parametrize(
    "text", ["short", "x" * 15, "ünicode-credential-text", "line\nbreak-----------"]
)
def test_weak_or_odd_text_is_no_credential(text: str):
    with pytest.raises(ValueError, match="at least 16") as raised:
        Credential(text)
    assert text not in str(raised.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("Bearer abc", "abc", id="as written"),
        pytest.param("bearer  abc ", "abc", id="scheme in small letters, spaces"),
        pytest.param("Basic abc", None, id="another scheme"),
        pytest.param("Bearer ", None, id="nothing"),
        pytest.param("", None, id="empty"),
    ],
)
def test_bearer_of(value: str, expected: str | None):
    assert bearer_of({"Authorization": value}) == expected


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8081", "localhost", "[::1]:8081", "edge.internal:8081", "EDGE.internal"]
)
def test_a_call_to_this_listener_by_its_names_is_let_through(host: str):
    headers = {"Host": host, "Authorization": f"Bearer {OPERATOR.reveal()}"}
    names = frozenset({"Edge.internal"})
    require_bearer(headers, OPERATOR, allowed_hosts=names)
    with pytest.raises(CredentialMissingError):  # It was let through to the credential.
        require_bearer({"Host": host}, OPERATOR, allowed_hosts=names)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Host": "evil.example"}, id="rebound name"),
        pytest.param({}, id="no host"),
        pytest.param({"Host": "[::1"}, id="torn address"),
        pytest.param({"Host": "127.0.0.1", "Origin": "http://127.0.0.1"}, id="a page"),
        pytest.param({"Host": "10.0.0.1"}, id="another address"),
    ],
)
def test_what_a_web_page_could_send_is_refused(headers: dict[str, str]):
    with pytest.raises(CallRefusedError):
        guard_local_call(headers, allowed_hosts=frozenset({"edge.internal"}))


def test_a_call_without_the_credential_is_refused():
    headers = {"Host": "127.0.0.1", "Authorization": "Bearer another-credential-text"}
    with pytest.raises(CredentialMissingError):
        require_bearer(headers, OPERATOR, allowed_hosts=frozenset())
    headers["Authorization"] = f"Bearer {OPERATOR.reveal()}"
    require_bearer(headers, OPERATOR, allowed_hosts=frozenset())

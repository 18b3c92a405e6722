import pytest

from config.credentials import CallRefusedError
from origin.intake.errors import LabelRefusedError
from origin.intake.tests.services import OPERATOR, TOKENS, WEB_ORIGIN, make_labels

HOST = {"Host": "127.0.0.1:8090"}
LABELS = make_labels(origins=frozenset({WEB_ORIGIN}))


def bearer(token: str) -> dict[str, str]:
    return {**HOST, "Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("name", ["nebula", "quasar"])
def test_a_token_names_its_label(name: str):
    assert LABELS.find(bearer(TOKENS[name].reveal())).name == name


def test_the_operator_is_the_label_without_a_name():
    assert LABELS.find(bearer(OPERATOR.reveal())).name == ""


@pytest.mark.parametrize("headers", [HOST, bearer("wrong"), {**HOST, "Authorization": "Basic x"}])
def test_others_are_refused(headers: dict[str, str]):
    with pytest.raises(LabelRefusedError):
        LABELS.find(headers)


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}],
    ids=["a foreign page", "a foreign host", "a page without an origin"],
)
def test_what_may_come_from_a_web_page_is_refused(headers: dict[str, str]):
    with pytest.raises(CallRefusedError):
        LABELS.find({**bearer(TOKENS["nebula"].reveal()), **headers})


def test_a_page_that_is_named_may_use_the_token_of_a_label_only():
    page = {"Origin": WEB_ORIGIN}
    assert LABELS.find({**bearer(TOKENS["nebula"].reveal()), **page}).name == "nebula"
    with pytest.raises(CallRefusedError):
        LABELS.find({**bearer(OPERATOR.reveal()), **page})
    with pytest.raises(CallRefusedError):
        LABELS.find({**bearer(TOKENS["nebula"].reveal()), **page, "Host": "evil.example"})

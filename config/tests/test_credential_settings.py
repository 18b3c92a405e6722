from pathlib import Path

import pytest
from pydantic import SecretStr

from config.credential_settings import need_credential, read_credential, read_secret
from config.settings import SettingsError

TEXT = "a-credential-of-length"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "credential"


def test_a_credential_comes_as_text_or_in_a_file(file: Path):
    file.write_text(f"{TEXT}\n")
    for credential in (
        read_credential("edge", SecretStr(TEXT), None),
        need_credential("edge", None, file),
    ):
        assert credential is not None
        assert credential.matches(TEXT)
    assert read_credential("edge", None, None) is None


@pytest.mark.parametrize(
    ("secret", "content", "told"),
    [
        pytest.param(TEXT, TEXT.encode(), "not both", id="both"),
        pytest.param("short", None, "at least 16", id="too short"),
        pytest.param(None, b"short", "at least 16", id="too short in the file"),
        pytest.param(None, b"\xff" * 20, "ASCII", id="not text"),
        pytest.param(None, b"x" * 4097, "more than 4096", id="a file that is no credential"),
        pytest.param(None, None, "No such file", id="no file"),
    ],
)
def test_what_is_no_credential_is_refused_by_name_and_not_shown(
    file: Path, secret: str | None, content: bytes | None, told: str
):
    if content is not None:
        file.write_bytes(content)
    uses_file = secret is None or content is not None
    with pytest.raises(SettingsError, match=told) as raised:
        read_credential("edge", SecretStr(secret) if secret else None, file if uses_file else None)
    assert "`edge" in str(raised.value)
    assert TEXT not in str(raised.value)


def test_a_role_that_needs_one_says_so():
    with pytest.raises(SettingsError, match="`edge_file` is needed"):
        need_credential("edge", None, None)


def test_a_secret_of_others_may_be_short_but_not_empty(file: Path):
    file.write_text("key\n")
    assert read_secret("store", None, file) == read_secret("store", SecretStr("key"), None) == "key"
    assert read_secret("store", None, None) is None
    with pytest.raises(SettingsError, match="not both"):
        read_secret("store", SecretStr("key"), file)
    file.write_text("\n")
    for secret, path in ((SecretStr(""), None), (None, file)):
        with pytest.raises(SettingsError, match="empty"):
            read_secret("store", secret, path)

"""Credentials in settings: the text itself from a variable, or a file that holds it."""

from pathlib import Path
from typing import Final

from pydantic import SecretStr

from config.credentials import Credential
from config.settings import SettingsError

_FILE_BYTES_MAX: Final = 4096


def read_credential(name: str, secret: SecretStr | None, file: Path | None) -> Credential | None:
    """The credential that a role was given, or None.

    Args:
        name: of the setting; with `_file` behind it, of the file's.
        secret: the text.
        file: a file that holds the text, white space around it not counted.

    Raises:
        SettingsError: both are given, the file cannot be read, or the text is no credential.
    """
    text = read_secret(name, secret, file)
    if text is None:
        return None
    try:
        return Credential(text)
    except ValueError as error:
        raise SettingsError(f"`{name}`: {error}") from None


def need_credential(name: str, secret: SecretStr | None, file: Path | None) -> Credential:
    """The same where a role cannot do without it.

    Raises:
        SettingsError: as above, and when there is none.
    """
    credential = read_credential(name, secret, file)
    if credential is None:
        raise SettingsError(f"`{name}_file` is needed: a file with random text that others share")
    return credential


def read_secret(name: str, secret: SecretStr | None, file: Path | None) -> str | None:
    """The text of a secret that others made, such as an access key's, or None.

    Raises:
        SettingsError: both are given, the file cannot be read, or there is no text in it.
    """
    if secret is not None and file is not None:
        raise SettingsError(f"`{name}`: give it or `{name}_file`, not both")
    if secret is None and file is None:
        return None
    text = _read(name, file) if file is not None else secret.get_secret_value() if secret else ""
    if not text:
        raise SettingsError(f"`{name}`: it is empty")
    return text


def _read(name: str, file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise SettingsError(f"`{name}_file`: {file}: {error.strerror}") from error
    if len(content) > _FILE_BYTES_MAX:
        raise SettingsError(f"`{name}_file`: {file} has more than {_FILE_BYTES_MAX} bytes")
    try:
        return content.decode("ascii").strip()
    except UnicodeDecodeError:
        raise SettingsError(f"`{name}_file`: {file} holds more than ASCII text") from None

"""Settings of a role: one TOML file, then `ATTACCA_<ROLE>__…` variables, checked as a whole.

A key that no model knows, a wrong type or an impossible value ends the start: the error names
the key, and the nearest one that exists. Secrets are `SecretStr` or come from files, so that no
`repr` and no dump shows them.
"""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import (
    SettingsError as EnvironmentSourceError,
)
from typing_extensions import override

_VARIABLE_PREFIX: Final = "ATTACCA_"
_DELIMITER: Final = "__"
# Settings are a page of text; a larger file is some other file.
_FILE_BYTES_MAX: Final = 1 << 20

REDACTED: Final = "(secret)"


class SettingsError(Exception):
    """The settings cannot be used; the message names each key and says what to do."""


class Section(BaseModel):
    """A table of a role's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RoleSettings(BaseSettings):
    """Base of the settings of a role; read by `load_settings`."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The command line wins over variables, and these over the file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


_SettingsT = TypeVar("_SettingsT", bound=RoleSettings)


def load_settings(
    model: type[_SettingsT],
    role: str,
    *,
    file: Path | None = None,
    overrides: Mapping[str, object] | None = None,
) -> _SettingsT:
    """Read the settings of a role.

    Args:
        model: the role's settings.
        role: its name in variables, such as `edge` in `ATTACCA_EDGE__CACHE__MEMORY_BYTES`.
        file: a TOML file; None for defaults.
        overrides: values that win over file and variables, such as those of the command line.

    Raises:
        SettingsError: the file cannot be read, or a key or value is wrong.
    """
    prefix = f"{_VARIABLE_PREFIX}{role.upper()}{_DELIMITER}"
    values = _read_file(file)
    faults = [*_unknown_keys(model, values), *_secrets_in(model, values, prefix)]
    faults += _unknown_variables(model, prefix)
    if faults:
        raise SettingsError("; ".join(faults))
    configuration = SettingsConfigDict(
        env_prefix=prefix, env_nested_delimiter=_DELIMITER, toml_file=file
    )
    bound = type(model.__name__, (model,), {"model_config": configuration})
    try:
        return cast("_SettingsT", bound(**(overrides or {})))
    except (ValidationError, EnvironmentSourceError) as error:
        raise SettingsError(_describe(error)) from None


def redacted(settings: BaseModel) -> dict[str, object]:
    """The effective values, for people: secrets are replaced by `REDACTED`."""
    return {name: _shown(getattr(settings, name)) for name in type(settings).model_fields}


def _shown(value: object) -> object:
    if isinstance(value, BaseModel):
        return redacted(value)
    if isinstance(value, SecretStr):
        return REDACTED
    if isinstance(value, Mapping):
        return {name: _shown(one) for name, one in value.items()}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple | list):
        return [_shown(one) for one in value]
    return value


def _read_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        if file.stat().st_size > _FILE_BYTES_MAX:
            raise SettingsError(f"{file}: larger than {_FILE_BYTES_MAX} bytes")
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from error


def _unknown_variables(model: type[BaseModel], prefix: str) -> Iterator[str]:
    near = prefix.removesuffix("_")
    for variable in sorted(os.environ):
        name = variable.upper()  # They are read without regard to case.
        if not name.startswith(prefix):
            if name.startswith(near):
                yield f"{variable}: did you mean `{prefix}{name[len(near) :]}`, two underscores?"
            continue
        section: type[BaseModel] | None = model
        is_name = False
        for key in name[len(prefix) :].lower().split(_DELIMITER):
            if is_name:
                is_name = False
                continue
            if section is None or key not in section.model_fields:
                known = list(section.model_fields) if section is not None else []
                yield f"{variable}: there is no setting `{key}`{_nearest(key, known)}"
                break
            is_name = _has_names(section, key)
            section = _section_of(section, key)


def _unknown_keys(
    model: type[BaseModel], values: Mapping[str, Any], path: str = ""
) -> Iterator[str]:
    for key, value in values.items():
        if key not in model.model_fields:
            yield f"there is no setting `{path}{key}`{_nearest(key, list(model.model_fields))}"
            continue
        for section, name, table in _tables_in(model, key, value):
            yield from _unknown_keys(section, table, f"{path}{name}.")


def _secrets_in(model: type[BaseModel], values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Settings files are copied around and shown to others: no secret stands in one itself."""
    for key, value in values.items():
        if key not in model.model_fields:
            continue
        for section, name, table in _tables_in(model, key, value):
            inner = name.upper().replace(".", _DELIMITER)
            yield from _secrets_in(section, table, f"{prefix}{inner}{_DELIMITER}")
        if SecretStr in get_args(model.model_fields[key].annotation):
            variable = f"{prefix}{key.upper()}"
            yield f"`{key}`: not in a settings file; set {variable}, or name a `{key}_file`"


def _tables_in(
    model: type[BaseModel], key: str, value: object
) -> Iterator[tuple[type[BaseModel], str, Mapping[str, Any]]]:
    """The tables that stand under a key: one, or one for each name. With their paths."""
    section = _section_of(model, key)
    if section is None or not isinstance(value, Mapping):
        return
    if not _has_names(model, key):
        yield section, key, value
        return
    for name, table in value.items():
        if isinstance(table, Mapping):
            yield section, f"{key}.{name}", table


def _has_names(model: type[BaseModel], key: str) -> bool:
    """Whether a key holds tables by names that whoever writes the file chooses."""
    return get_origin(model.model_fields[key].annotation) is dict


def _section_of(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    annotation = model.model_fields[key].annotation
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _nearest(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    if close:
        return f"; did you mean `{close[0]}`?"
    return f"; known here: {', '.join(known)}" if known else ""


def _describe(error: ValidationError | EnvironmentSourceError) -> str:
    """Each wrong key with what was expected of it; never the value, it may be a secret."""
    if isinstance(error, EnvironmentSourceError):
        return str(error)
    told = []
    for one in error.errors(include_url=False, include_input=False, include_context=False):
        key = ".".join(str(part) for part in one["loc"]) or "settings"
        told.append(f"`{key}`: {one['msg'].removeprefix('Value error, ')}")
    return "; ".join(told)

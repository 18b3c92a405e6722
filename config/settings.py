"""Settings of a role: one TOML file, then `ATTACCA_<ROLE>__…` variables, checked as a whole.

A key that no model knows, a wrong type or an impossible value ends the start: the error names
the key, and the nearest one that exists. Secrets are `SecretStr` or come from files, so that no
`repr` and no dump shows them.
"""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

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
    """Base of the settings of a role.

    The sources are merged by `load_settings`, so that every error can name where it comes from;
    the model itself reads nothing.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    @classmethod
    def settings_customise_sources(cls, settings_cls: Any, **sources: Any) -> tuple[Any, ...]:
        """Take values from the call alone."""
        del settings_cls
        return (sources["init_settings"],)


_SettingsT = TypeVar("_SettingsT", bound=RoleSettings)


def load_settings(
    model: type[_SettingsT],
    role: str,
    *,
    file: Path | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, object] | None = None,
) -> _SettingsT:
    """Read the settings of a role.

    Args:
        model: the role's settings.
        role: its name in variables, such as `edge`.
        file: a TOML file; None for defaults.
        environ: where `ATTACCA_EDGE__CACHE__MEMORY_BYTES` and the like are looked up.
        overrides: values that win over both, such as those of the command line.

    Raises:
        SettingsError: the file cannot be read, or a key or value is wrong.
    """
    values = _read_file(file) if file is not None else {}
    _merge(values, _values_of_variables(model, role, environ))
    _merge(values, dict(overrides or {}))
    unknown = list(_unknown_keys(model, values))
    if unknown:
        raise SettingsError("; ".join(unknown))
    try:
        return model(**values)
    except ValidationError as error:
        raise SettingsError(_describe(error)) from None


def redacted(settings: BaseModel) -> dict[str, object]:
    """The effective values, for people: secrets are replaced by `REDACTED`."""
    return {name: _shown(getattr(settings, name)) for name in type(settings).model_fields}


def _shown(value: object) -> object:
    if isinstance(value, BaseModel):
        return redacted(value)
    if isinstance(value, SecretStr):
        return REDACTED
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple | list):
        return [_shown(one) for one in value]
    return value


def _read_file(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _FILE_BYTES_MAX:
            raise SettingsError(f"{file}: larger than {_FILE_BYTES_MAX} bytes")
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from error


def _values_of_variables(
    model: type[BaseModel], role: str, environ: Mapping[str, str]
) -> dict[str, Any]:
    prefix = f"{_VARIABLE_PREFIX}{role.upper()}{_DELIMITER}"
    values: dict[str, Any] = {}
    for name in sorted(environ):
        if not name.startswith(prefix):
            continue
        path = name[len(prefix) :].lower().split(_DELIMITER)
        _check_variable(model, name, path)
        table = values
        for key in path[:-1]:
            table = table.setdefault(key, {})
        table[path[-1]] = environ[name]
    return values


def _check_variable(model: type[BaseModel], name: str, path: list[str]) -> None:
    section: type[BaseModel] | None = model
    for key in path:
        if section is None or key not in section.model_fields:
            known = list(section.model_fields) if section is not None else []
            raise SettingsError(f"{name}: there is no setting `{key}`{_nearest(key, known)}")
        section = _section_of(section, key)


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        known = into.get(key)
        if isinstance(value, Mapping) and isinstance(known, dict):
            _merge(known, value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


def _unknown_keys(
    model: type[BaseModel], values: Mapping[str, Any], path: str = ""
) -> Iterator[str]:
    for key, value in values.items():
        if key not in model.model_fields:
            yield f"there is no setting `{path}{key}`{_nearest(key, list(model.model_fields))}"
            continue
        section = _section_of(model, key)
        if section is not None and isinstance(value, Mapping):
            yield from _unknown_keys(section, value, f"{path}{key}.")


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


def _describe(error: ValidationError) -> str:
    """Each wrong key with what was expected of it; never the value, it may be a secret."""
    told = []
    for one in error.errors(include_url=False, include_input=False, include_context=False):
        key = ".".join(str(part) for part in one["loc"]) or "settings"
        told.append(f"`{key}`: {one['msg']}")
    return "; ".join(told)

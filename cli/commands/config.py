"""`attacca config check|dump|schema`: settings, before they meet a running role."""

import importlib
import json
from pathlib import Path
from typing import Final

import click

from cli import console
from config.settings import RoleSettings, SettingsError, load_settings, redacted

# Role: where its settings model is; imported when it is asked for.
_MODELS: Final = {
    "edge": ("edge.settings", "EdgeSettings"),
    "origin": ("origin.settings", "OriginSettings"),
    "drm": ("drm.settings", "DrmSettings"),
}

_role = click.argument("role", type=click.Choice(list(_MODELS)))


@click.group()
def config_command() -> None:
    """Check, show and describe the settings of a role.

    Values come from the file, then from variables such as ATTACCA_EDGE__CACHE__MEMORY_BYTES.
    """


@config_command.command(epilog="Example: attacca config check edge --config /etc/attacca/edge.toml")
@_role
@console.settings_option
@console.json_option
def check(role: str, file: Path | None, is_json: bool) -> None:
    """Tell whether a role would start with these settings."""
    _load(role, file)
    if is_json:
        console.print_json({"role": role, "ok": True})
    else:
        click.echo(f"{role}: the settings are good")


@config_command.command(epilog="Example: ATTACCA_EDGE__PORT=9000 attacca config dump edge")
@_role
@console.settings_option
@console.json_option
def dump(role: str, file: Path | None, is_json: bool) -> None:
    """Print the effective values; secrets are redacted."""
    values = redacted(_load(role, file))
    if is_json:
        console.print_json(values)
    else:
        click.echo("\n".join(_lines(values)))


@config_command.command(epilog="Example: attacca config schema edge > edge.schema.json")
@_role
def schema(role: str) -> None:
    """Print the JSON schema of a role's settings, with what each setting means."""
    click.echo(json.dumps(_model(role).model_json_schema(), indent=2))


def _model(role: str) -> type[RoleSettings]:
    module, name = _MODELS[role]
    model: type[RoleSettings] = getattr(importlib.import_module(module), name)
    return model


def _load(role: str, file: Path | None) -> RoleSettings:
    with console.told_errors(SettingsError):
        return load_settings(_model(role), role, file=file)


def _lines(values: dict[str, object], prefix: str = "") -> list[str]:
    lines = []
    for name, value in values.items():
        if isinstance(value, dict):
            lines += _lines(value, f"{prefix}{name}.")
        else:
            lines.append(f"{prefix}{name} = {json.dumps(value, ensure_ascii=False)}")
    return lines

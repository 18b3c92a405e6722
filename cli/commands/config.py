"""`attacca config check|dump|schema`: settings, before they meet a running role."""

import json
from pathlib import Path
from typing import Final

import click

from cli import console
from cli.role_credentials import drm_credentials, edge_credentials, origin_credentials
from config.credential_settings import need_credential
from config.settings import RoleSettings, SettingsError, load_settings, redacted
from drm.settings import DrmSettings
from edge.settings import EdgeSettings
from origin.settings import OriginSettings

_MODELS: Final[dict[str, type[RoleSettings]]] = {
    "edge": EdgeSettings,
    "origin": OriginSettings,
    "drm": DrmSettings,
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
    """Tell whether the settings of a role are whole: every value, and the credentials it needs."""
    with console.told_errors(SettingsError):
        check_settings(_load(role, file))
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


def check_settings(settings: RoleSettings) -> None:
    """Find the credentials that a role cannot do without.

    Raises:
        SettingsError: one is missing or is none.
    """
    match settings:
        case EdgeSettings():
            edge_credentials(settings)
        case OriginSettings():
            origin_credentials(settings)
            need_credential("drm_credential", settings.drm_credential, settings.drm_credential_file)
        case DrmSettings():
            drm_credentials(settings)
        case _:
            raise AssertionError("a role without credentials")


def _model(role: str) -> type[RoleSettings]:
    return _MODELS[role]


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

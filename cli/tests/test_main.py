import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.__main__ import COMMANDS, main


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


def test_help_lists_every_command_without_importing_them():
    code = (
        "import sys; from cli.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted(sys.modules.keys() & {'av', 'aiohttp', 'numpy', 'pydantic', 'cryptography'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(name in done.stdout for name in COMMANDS)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_teaches_by_an_example(runner: CliRunner, name: str):
    result = runner.invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert "Example:" in result.output or name == "config"


def test_the_version_is_told(runner: CliRunner):
    result = runner.invoke(main, ["--version"], prog_name="attacca")
    assert result.output == f"attacca {version('attacca')}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["nonsense"], id="no such command"),
        pytest.param(["ingest"], id="no path"),
        pytest.param(["ingest", "/nowhere/at/all"], id="no such file"),
        pytest.param(["token", "--ttl", "soon"], id="no lifetime"),
        pytest.param(["token", "--ttl", "0"], id="no time at all"),
        pytest.param(["play", "x", "--edge", "http://127.0.0.1:1"], id="an edge but no token"),
        pytest.param(["edge", "--listen", "nowhere"], id="no address"),
        pytest.param(["config", "check", "nobody"], id="no such role"),
    ],
)
def test_wrong_use_ends_with_status_2(runner: CliRunner, arguments: list[str]):
    assert runner.invoke(main, arguments).exit_code == 2


@pytest.mark.parametrize("role", ["edge", "origin", "drm"])
def test_the_settings_of_each_role_are_checked_shown_and_described(runner: CliRunner, role: str):
    dump = json.loads(runner.invoke(main, ["config", "dump", role, "--json"]).output)
    assert dump["port"] > 0
    assert "port = " in runner.invoke(main, ["config", "dump", role]).output
    schema = json.loads(runner.invoke(main, ["config", "schema", role]).output)
    assert schema["properties"]["port"]["description"]


ROLES = {
    "edge": ("edge_credential",),
    "origin": ("edge_credential", "operator_credential", "drm_credential"),
    "drm": ("edge_credential", "operator_credential", "origin_credential"),
}


@pytest.mark.parametrize("role", ROLES)
def test_settings_are_good_when_nothing_is_missing(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch, role: str
):
    refused = runner.invoke(main, ["config", "check", role])
    assert refused.exit_code == 1
    assert "_credential_file` is needed" in refused.stderr
    for name in ROLES[role]:
        monkeypatch.setenv(f"ATTACCA_{role.upper()}__{name.upper()}", "a-credential-of-length")
    assert "good" in runner.invoke(main, ["config", "check", role]).output
    checked = runner.invoke(main, ["config", "check", role, "--json"])
    assert json.loads(checked.output) == {"role": role, "ok": True}


def test_a_wrong_setting_is_named(runner: CliRunner, tmp_path: Path):
    file = tmp_path / "edge.toml"
    file.write_text("prot = 1")
    result = runner.invoke(main, ["config", "check", "edge", "--config", str(file)])
    assert result.exit_code == 1
    assert "did you mean `port`" in result.stderr

from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from config.settings import REDACTED, RoleSettings, Section, SettingsError, load_settings, redacted


class Cache(Section):
    memory_bytes: int = Field(1024, ge=10)
    folders: tuple[Path, ...] = ()


class Peer(Section):
    weight: int = 1
    secret: SecretStr | None = None


class Settings(RoleSettings):
    port: int = 8080
    cache: Cache = Cache()
    peers: dict[str, Peer] = Field(default_factory=dict)
    secret: SecretStr | None = None


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "role.toml"


def test_defaults_work_without_a_file():
    assert load_settings(Settings, "role").model_dump() == Settings().model_dump()


def test_the_command_line_wins_over_variables_and_these_over_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    file.write_text("port = 1\n[cache]\nmemory_bytes = 11\n")
    monkeypatch.setenv("ATTACCA_ROLE__SECRET", "of a variable")
    monkeypatch.setenv("ATTACCA_ROLE__CACHE__MEMORY_BYTES", "22")
    monkeypatch.setenv("ATTACCA_ROLE__PORT", "2")
    settings = load_settings(Settings, "role", file=file, overrides={"port": 3})
    assert (settings.port, settings.cache.memory_bytes) == (3, 22)
    assert settings.secret is not None
    assert settings.secret.get_secret_value() == "of a variable"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("prot = 1", "no setting `prot`; did you mean `port`", id="unknown key"),
        pytest.param(
            "[cache]\nmemory_byte = 1",
            "no setting `cache.memory_byte`; did you mean `memory_bytes`",
            id="unknown key in a table",
        ),
        pytest.param("zzz = 1", "known here: port, cache, peers, secret", id="nothing near"),
        pytest.param(
            "[peers.a]\nwieght = 1",
            "no setting `peers.a.wieght`; did you mean `weight`",
            id="unknown key in a named table",
        ),
        pytest.param(
            "[peers.a]\nsecret = 'x'",
            "ATTACCA_ROLE__PEERS__A__SECRET",
            id="secret in a named table",
        ),
        pytest.param("[peers.a]\nweight = 'x'", "`peers.a.weight`: ", id="wrong in a named table"),
        pytest.param("port = 'x'", "`port`: ", id="wrong type"),
        pytest.param("[cache]\nmemory_bytes = 1", "`cache.memory_bytes`: ", id="out of bounds"),
        pytest.param("port = ", "role.toml: ", id="not TOML"),
        pytest.param("#" + "x" * (1 << 20), "larger than", id="too large"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(file: Path, text: str, told: str):
    file.write_text(text)
    with pytest.raises(SettingsError, match=told.replace(".", r"\.")):
        load_settings(Settings, "role", file=file)


def test_a_file_that_is_not_there_is_refused(file: Path):
    with pytest.raises(SettingsError, match="No such file"):
        load_settings(Settings, "role", file=file)


def test_tables_by_name_come_from_file_and_variables(file: Path, monkeypatch: pytest.MonkeyPatch):
    file.write_text("[peers.a]\nweight = 2\n")
    monkeypatch.setenv("ATTACCA_ROLE__PEERS__A__SECRET", "of a variable")
    settings = load_settings(Settings, "role", file=file)
    assert settings.peers["a"].weight == 2
    assert redacted(settings)["peers"] == {"a": {"weight": 2, "secret": REDACTED}}
    monkeypatch.setenv("ATTACCA_ROLE__PEERS__A__SECRT", "x")
    with pytest.raises(SettingsError, match="did you mean `secret`"):
        load_settings(Settings, "role", file=file)


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        pytest.param("CACHE__MEMRY_BYTES", "did you mean `memory_bytes`", id="in a table"),
        pytest.param("PORT__X", "there is no setting `x`", id="below a value"),
    ],
)
def test_a_variable_that_names_no_setting_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, told: str
):
    monkeypatch.setenv(f"ATTACCA_ROLE__{variable}", "1")
    with pytest.raises(SettingsError, match=told):
        load_settings(Settings, "role")


def test_a_variable_with_one_underscore_is_no_setting(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ATTACCA_ROLE_PORT", "1")
    with pytest.raises(SettingsError, match="did you mean `ATTACCA_ROLE__PORT`, two"):
        load_settings(Settings, "role")


def test_a_variable_that_cannot_be_read_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ATTACCA_ROLE__CACHE__FOLDERS", "[")
    with pytest.raises(SettingsError, match="cache"):
        load_settings(Settings, "role")


def test_a_secret_stands_in_no_settings_file(file: Path):
    file.write_text("secret = 'hush-hush'")
    with pytest.raises(SettingsError, match="`secret`: not in a settings file") as raised:
        load_settings(Settings, "role", file=file)
    assert "ATTACCA_ROLE__SECRET" in str(raised.value)
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize("variable", ["attacca_role__prot", "Attacca_Role__Cache__Memry_bytes"])
def test_variables_are_checked_without_regard_to_case(
    monkeypatch: pytest.MonkeyPatch, variable: str
):
    monkeypatch.setenv(variable, "1")
    with pytest.raises(SettingsError, match="there is no setting"):
        load_settings(Settings, "role")


def test_secrets_are_shown_by_neither_errors_nor_dumps(file: Path):
    file.write_text("port = 'hush-hush'")
    with pytest.raises(SettingsError) as raised:
        load_settings(Settings, "role", file=file)
    assert "hush" not in str(raised.value)
    settings = Settings(secret=SecretStr("hush-hush"), cache=Cache(folders=(Path("/x"),)))
    assert redacted(settings) == {
        "port": 8080,
        "cache": {"memory_bytes": 1024, "folders": ["/x"]},
        "peers": {},
        "secret": REDACTED,
    }
    assert "hush" not in repr(settings)

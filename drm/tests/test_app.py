import asyncio
import contextlib
import logging
import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import orjson
import pytest
from pydantic import SecretStr, ValidationError

from config.credentials import EDGE_CREDENTIAL_HEADER
from drm.app import DrmCredentials, DrmService, open_drm, open_vault
from drm.clear_key import encode_license_request
from drm.errors import KekError
from drm.key_wrap import KeyEncryptionKey, encode_kek
from drm.settings import DrmSettings, TokenSettings
from drm.tests.conftest import ManualClock
from drm.token_request import TokenRequest

TRACK = "0" * 21 + "A"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.mark.socket
async def test_a_second_start_finds_everything_again(
    settings: DrmSettings, credentials: DrmCredentials, clock: ManualClock
):
    async with open_drm(settings, credentials, clock=clock) as first:
        keys = await first.content_keys.keys_of_track(TRACK)
        issued = await first.issue_token(TokenRequest())
    async with open_drm(settings, credentials, clock=clock) as second:
        assert await second.content_keys.keys_of_track(TRACK) == keys
        claims = await second.answers.open_license_scope(issued.token)
        assert claims.session == issued.session


@pytest.mark.socket
async def test_an_ingest_beside_it_uses_the_same_vault(
    drm: DrmService, settings: DrmSettings, clock: ManualClock
):
    async with open_vault(settings, clock=clock) as vault:
        assert await vault.keys_of_track(TRACK) == await drm.content_keys.keys_of_track(TRACK)


@pytest.mark.socket
async def test_the_kek_is_made_beside_the_vault_for_the_owner_alone(
    drm: DrmService, settings: DrmSettings
):
    assert stat.S_IMODE(settings.database.with_name("kek").stat().st_mode) == 0o600


async def test_the_kek_comes_from_a_variable(settings: DrmSettings, clock: ManualClock):
    kek = encode_kek(KeyEncryptionKey(bytes(range(32))))
    given = settings.model_copy(update={"kek": SecretStr(kek)})
    async with open_vault(given, clock=clock) as vault:
        keys = await vault.keys_of_track(TRACK)
    assert not settings.database.with_name("kek").exists()
    async with open_vault(given, clock=clock) as vault:
        assert await vault.keys_of_track(TRACK) == keys
    other = given.model_copy(update={"kek": SecretStr(encode_kek(KeyEncryptionKey(bytes(32))))})
    with pytest.raises(KekError, match="another key-encryption key"):
        async with open_vault(other, clock=clock):
            pass


async def test_the_kek_is_made_only_where_that_is_wanted(
    settings: DrmSettings, tmp_path: Path, clock: ManualClock
):
    refused = settings.model_copy(
        update={"is_kek_created": False, "kek_file": tmp_path / "mounted" / "kek"}
    )
    with pytest.raises(KekError, match="put it back"):
        async with open_vault(refused, clock=clock):
            pass
    assert not settings.database.exists()


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ValidationError, match="not both"):
        DrmSettings(kek=SecretStr("x"), kek_file=Path("kek"))
    with pytest.raises(ValidationError, match="ttl_s_max"):
        TokenSettings(ttl_s=100, ttl_s_max=10)
    with pytest.raises(ValidationError):
        DrmSettings(port=70_000)


def test_defaults_are_those_of_the_house():
    settings = DrmSettings()
    assert (settings.host, settings.port, settings.admin_port) == ("127.0.0.1", 8095, 8096)


@pytest.mark.socket
async def test_the_admin_listener_tells_health_and_counts(
    drm: DrmService, session: aiohttp.ClientSession
):
    await drm.issue_token(TokenRequest())
    async with session.get(drm.admin_url + "/metrics") as response:
        assert 'drm_tokens_issued_total{kind="header"} 1.0' in await response.text()
    async with session.get(drm.admin_url + "/healthz") as response:
        assert response.status == 200
    async with session.get(drm.admin_url + "/readyz") as response:
        assert response.status == 200


@pytest.mark.socket
async def test_a_vault_that_is_gone_is_told_after_a_while(
    settings: DrmSettings,
    credentials: DrmCredentials,
    clock: ManualClock,
    session: aiohttp.ClientSession,
):
    often = settings.model_copy(update={"probe_interval_s": 0.1})
    async with open_drm(often, credentials, clock=clock) as drm, asyncio.timeout(30):
        with contextlib.closing(sqlite3.connect(settings.database)) as connection:
            connection.execute("DROP TABLE vault")
        status, reasons = 200, list[str]()
        # A busy machine may find it slow before it finds it gone.
        while reasons != ["vault-unavailable"]:
            async with session.get(drm.admin_url + "/readyz") as response:
                status, answer = response.status, await response.json()
                reasons = list(answer.get("reasons", ()))
        assert status == 503


@pytest.mark.socket
async def test_a_vault_that_fails_is_told_as_trouble_that_may_pass(
    drm: DrmService,
    database: Path,
    credentials: DrmCredentials,
    session: aiohttp.ClientSession,
):
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("DROP TABLE signing_keys")
    headers = {"Authorization": f"Bearer {credentials.operator.reveal()}"}
    async with session.post(drm.url + "/v1/tokens", headers=headers, data=b"{}") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "1")


@pytest.mark.socket
async def test_no_secret_is_logged_counted_or_shown(
    drm: DrmService,
    settings: DrmSettings,
    credentials: DrmCredentials,
    session: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.DEBUG)
    keys = await drm.content_keys.keys_of_track(TRACK)
    issued = await drm.issue_token(TokenRequest(tracks=(TRACK,), duration_s=240))
    edge = {EDGE_CREDENTIAL_HEADER: credentials.edge.reveal()}
    kids = [key.kid for key in keys.by_class.values()]
    told = [repr(drm), repr(settings), repr(credentials), repr(keys), repr(issued)]
    for token, body in (
        (issued.token, encode_license_request(kids)),
        (issued.token, b"{}"),
        (issued.token[:-4] + "AAAA", encode_license_request(kids)),
        (credentials.operator.reveal(), encode_license_request(kids)),
    ):
        async with session.post(
            drm.url + "/v1/licenses/clearkey",
            headers=edge | {"Authorization": f"Bearer {token}"},
            data=body,
        ) as response:
            if response.status != 200:
                told.append(await response.text())
    async with session.get(drm.admin_url + "/metrics") as response:
        told.append(await response.text())
    told += [str(record.__dict__) for record in caplog.records]
    kek = settings.database.with_name("kek").read_text().strip()
    secrets = [
        kek,
        issued.token.rpartition(".")[2][:-4],
        *(one.reveal() for one in (credentials.operator, credentials.edge, credentials.origin)),
        *(key.key.hex() for key in keys.by_class.values()),
        *(repr(key.key) for key in keys.by_class.values()),
        *(orjson.dumps(list(key.key)).decode() for key in keys.by_class.values()),
    ]
    assert not [secret for secret in secrets for text in told if secret in text]

"""The ingest API of a whole origin: real audio, real workers, a label and its track."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tusclient.client import TusClient

from config.credentials import EDGE_CREDENTIAL_HEADER, Credential
from drm.adapters.memory_content_keys import MemoryContentKeys
from origin.app import OriginCredentials, OriginService, open_origin
from origin.intake.tests.services import NOW_S, TOKENS
from origin.settings import OriginSettings
from origin.tests.masters import write_master

CREDENTIALS = OriginCredentials(
    operator=Credential.generate(), edge=Credential.generate(), labels=TOKENS
)
AS_EDGE = {EDGE_CREDENTIAL_HEADER: CREDENTIALS.edge.reveal()}
AS_LABEL = {"Authorization": f"Bearer {TOKENS['nebula'].reveal()}"}


@contextlib.asynccontextmanager
async def open_service(folder: Path):
    settings = OriginSettings.model_validate(
        {
            "port": 0,
            "admin_port": 0,
            "scratch": folder / "scratch",
            "store": {"folder": folder / "store"},
            "packager": {"workers": 1, "claim_lease_s": 1.0},
            "ingest": {"uploads": {"poll_s": 0.05}, "labels": {"nebula": {}, "quasar": {}}},
        }
    )
    async with open_origin(
        settings,
        content_keys=MemoryContentKeys(),
        credentials=CREDENTIALS,
        clock=lambda: float(NOW_S),
    ) as service:
        yield service


def is_in_use(store: Path) -> bool:
    left = (store.glob(f"{prefix}/*") for prefix in ("uploads", "upload-queue", "claims"))
    return any(any(one) for one in left)


def upload(service: OriginService, path: Path, **told: str) -> str:
    with path.open("rb") as stream:
        client = TusClient(f"{service.url}/v1/uploads", headers=AS_LABEL)
        uploader = client.uploader(
            file_stream=stream, metadata={"filename": path.name, **told}, chunk_size=20_000
        )
        uploader.upload()
    return str(uploader.url)


async def outcome_of(service: OriginService, url: str) -> dict[str, Any]:
    """Follow the events of the label until the upload is done."""
    async with aiohttp.ClientSession(service.url, headers=AS_LABEL) as client:
        async with client.get("/v1/uploads/events?after=0") as stream:
            async for line in stream.content:
                is_last = b'"state":"ready"' in line or b'"state":"refused"' in line
                if is_last and url.rpartition("/")[2].encode() in line:
                    break
        async with client.get(url) as response:
            document: dict[str, Any] = await response.json()
            return document


@pytest.mark.socket
@pytest.mark.slow
async def test_a_label_uploads_a_master_and_it_is_a_track(tmp_path: Path):
    master = write_master(tmp_path / "01 - Ton.wav")
    text = tmp_path / "text.flac"
    await asyncio.to_thread(text.write_text, "no audio at all\n" * 100)
    async with asyncio.timeout(40), open_service(tmp_path) as service:
        told = {"title": "Ton", "artist": "A", "album": "B", "upc": "036000291452"}
        url = await asyncio.to_thread(upload, service, master, **told)
        ready = await outcome_of(service, url)
        assert ready["state"] == "ready", ready
        async with aiohttp.ClientSession(service.url, headers=AS_EDGE) as edge:
            async with edge.get(f"/v1/tracks/{ready['track_id']}") as response:
                track = await response.json()
            assert (track["title"], track["artists"], track["album"]["title"]) == (
                "Ton",
                ["A"],
                "B",
            )
            # What opens the one opens not the other.
            async with edge.get("/v1/uploads") as response:
                assert response.status == 401
            async with edge.get("/v1/library", headers=AS_LABEL) as response:
                assert response.status == 200
        library_url = f"{service.url}/v1/library"
        async with aiohttp.request("GET", library_url, headers=AS_LABEL) as response:
            assert response.status == 401
        refused = await outcome_of(service, await asyncio.to_thread(upload, service, text))
        assert (refused["state"], refused["refused"]["code"]) == ("refused", "not_audio")
        store = tmp_path / "store"
        while await asyncio.to_thread(is_in_use, store):
            pass  # What nobody needs any more is removed after it was told.

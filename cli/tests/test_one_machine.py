from pathlib import Path

import aiohttp
import pytest

from cli.clock import WALL_CLOCK_S
from cli.installation import Installation
from cli.node import open_node_client
from cli.one_machine import open_everything, open_library_of, ports_from
from config.settings import SettingsError
from loadtest.masters import write_tone

pytestmark = pytest.mark.socket


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    installation = Installation(tmp_path / "data")
    installation.create()
    return installation


async def test_the_roles_find_each_other(installation: Installation, tmp_path: Path):
    master = write_tone(tmp_path / "tone.wav", seconds=0.3)
    async with open_everything(installation, port=0, clock=WALL_CLOCK_S) as everything:
        ingested = await everything.library.ingest(master)
        async with open_node_client(everything.running) as client:
            token = (await client.issue_token({"ttl_s": 60}))["token"]
        url = f"{everything.running.urls_by_listener['edge']}/v1/tracks/{ingested.track_id}"
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as response:
            assert response.status == 200
            assert (await response.json())["title"] == "tone"


def test_the_listeners_stand_at_their_distances_from_the_edge():
    assert ports_from(8080, 0) == {"port": 8080, "admin_port": 8081}
    assert ports_from(8080, 10) == {"port": 8090, "admin_port": 8091}
    assert ports_from(0, 10) == {"port": 0, "admin_port": 0}


async def test_the_library_opens_without_listeners(installation: Installation):
    async with open_library_of(installation, None, clock=WALL_CLOCK_S) as library:
        assert not await library.has_tracks()


async def test_the_library_of_an_origin_apart_needs_a_credential_for_drm(
    installation: Installation, tmp_path: Path
):
    file = tmp_path / "origin.toml"
    file.write_text(f"[store]\nfolder = '{installation.store}'\n")
    with pytest.raises(SettingsError, match="drm_credential_file"):
        async with open_library_of(installation, file, clock=WALL_CLOCK_S):
            pass

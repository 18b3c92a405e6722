"""What the tests of the player share: packaged tones, and a stage that serves them."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer

from packager.renditions import PROFILES, Protection
from player.tests.stage import RATE, SAMPLES, Packaged, Stage, Tone, make_tone


@pytest.fixture(scope="session")
def tone(tmp_path_factory: pytest.TempPathFactory) -> Tone:
    names = ["flac", "aac-160", "vorbis-160"]
    folder = tmp_path_factory.mktemp("tone")
    return make_tone(folder, subtype="PCM_16", rate=RATE, samples=SAMPLES, names=names)


@pytest.fixture(scope="session")
def deep_tone(tmp_path_factory: pytest.TempPathFactory) -> Tone:
    """24 bits at 96 kHz."""
    folder = tmp_path_factory.mktemp("deep")
    return make_tone(folder, subtype="PCM_24", rate=96_000, samples=150_001, names=["flac"])


@pytest.fixture(scope="session", params=[Protection.CBCS, Protection.CENC])
def ladder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tone:
    """All rungs of a short master between neighbours, at a rate that none of them changes."""
    return make_tone(
        tmp_path_factory.mktemp("ladder"),
        subtype="PCM_16",
        rate=48_000,
        samples=48_000 + 1234,
        names=list(PROFILES),
        scheme=request.param,
    )


@pytest.fixture(params=["flac", "aac-160", "vorbis-160"])
def packaged(request: pytest.FixtureRequest, tone: Tone) -> Packaged:
    return tone.renditions[request.param]


@pytest.fixture
async def stage(tone: Tone) -> Stage:
    return Stage(tone)


@pytest.fixture
async def edge_url(stage: Stage) -> AsyncIterator[str]:
    async with TestServer(stage.app) as server:
        yield str(server.make_url("")).rstrip("/")

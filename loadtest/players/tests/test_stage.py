import json
import uuid

import aiohttp
import pytest

from drm.base64url import decode_base64url
from drm.clear_key import encode_license_request
from loadtest.players.stage import FOLDER, PAGE, WRONG_LICENSES, open_stage

pytestmark = pytest.mark.socket


async def test_the_page_is_served():
    async with (
        open_stage() as url,
        aiohttp.ClientSession() as session,
        session.get(url + PAGE) as answer,
    ):
        assert await answer.read() == (FOLDER / "page.html").read_bytes()


async def test_a_wrong_license_has_the_kids_asked_for_and_random_keys():
    request = encode_license_request([uuid.UUID(int=1)])
    async with open_stage() as url, aiohttp.ClientSession() as session:
        licenses = []
        for _ in range(2):
            async with session.post(url + WRONG_LICENSES, data=request) as answer:
                licenses.append(await answer.json())
    (one,), (other,) = (granted["keys"] for granted in licenses)
    assert one["kid"] == other["kid"] == json.loads(request)["kids"][0]
    assert len(decode_base64url(one["k"])) == 16
    assert one["k"] != other["k"]

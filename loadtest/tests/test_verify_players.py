from dataclasses import replace

import pytest

from loadtest.players.cells import WAYS, Cell, Outcome, Trial
from loadtest.verify_players import Published, altered, tell, what_is_missing

STAGE = "http://127.0.0.1:2"
PUBLISHED = Published(
    edge="http://127.0.0.1:1",
    track_id="4fYq0vTlbJ9hUQwNzW2d3K",
    version="a62fad1fe1376e8e",
    token="good.good.goodgood",
    expired="past.past.pastpast",
)
TRACK = "http://127.0.0.1:1/~{}/v1/tracks/4fYq0vTlbJ9hUQwNzW2d3K"
MANIFEST = "http://127.0.0.1:1/~{}/v1/audio/4fYq0vTlbJ9hUQwNzW2d3K/a62fad1fe1376e8e/manifest.mpd"
LICENSE = "http://127.0.0.1:1/~{}/v1/licenses/clearkey"
RIGHT = Cell(WAYS[0], "AAC", Trial.RIGHT)
PLAYED = Outcome(
    start_ms=150.4,
    position_s=12.0,
    codec="mp4a.40.2",
    decoded_bytes=130_000,
    seek_ms=40.6,
    is_ended=True,
    errors=(),
)


@pytest.mark.parametrize(
    ("trial", "token", "license_url"),
    [
        pytest.param(Trial.RIGHT, PUBLISHED.token, LICENSE.format(PUBLISHED.token), id="right"),
        pytest.param(Trial.WRONG_KEY, PUBLISHED.token, f"{STAGE}/wrong-licenses", id="wrong key"),
        pytest.param(Trial.NO_LICENSE, PUBLISHED.token, None, id="no license"),
        pytest.param(
            Trial.EXPIRED, PUBLISHED.expired, LICENSE.format(PUBLISHED.expired), id="expired"
        ),
        pytest.param(
            Trial.ALTERED, "good.good.Aoodgood", LICENSE.format("good.good.Aoodgood"), id="altered"
        ),
    ],
)
def test_a_trial_differs_in_one_thing(trial: Trial, token: str, license_url: str | None):
    order = PUBLISHED.order(replace(RIGHT, trial=trial), STAGE)
    assert order.track_url == TRACK.format(token)
    assert order.manifest_url == MANIFEST.format(token)
    assert order.license_url == license_url


@pytest.mark.parametrize("token", ["a.b.AAAAAAAAAA", "a.b.BBBBBBBBBB"])
def test_an_altered_token_is_another_of_equal_length(token: str):
    assert altered(token) != token
    assert len(altered(token)) == len(token)


def test_the_table_counts_what_is_wrong(capsys: pytest.CaptureFixture[str]):
    failed = replace(PLAYED, errors=("media 3 PIPELINE_ERROR_DECODE",))
    assert tell([(RIGHT, PLAYED)]) == 0
    assert tell([(RIGHT, PLAYED), (RIGHT, failed), (RIGHT, None)]) == 2
    printed = capsys.readouterr().out
    assert "12.0 s" in printed
    assert "WRONG: failed" in printed
    assert "media 3 PIPELINE_ERROR_DECODE" in printed
    assert "WRONG: the page never answered" in printed


def test_a_browser_that_is_missing_is_asked_for():
    assert "apt-get install -y chromium" in what_is_missing("no-such-browser")

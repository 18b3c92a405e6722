import json
import re
import urllib.parse
from dataclasses import asdict, fields, replace

import pytest

from loadtest.players.cells import WAYS, Cell, Order, Outcome, Trial, cells, fault_of
from loadtest.players.stage import FOLDER

PLAYED = Outcome(
    start_ms=150.0,
    position_s=12.0,
    codec='audio/mp4;codecs="flac"',
    decoded_bytes=700_000,
    seek_ms=40.0,
    is_ended=True,
    errors=(),
)
REFUSED = Outcome(
    start_ms=None,
    position_s=0,
    codec="",
    decoded_bytes=0,
    seek_ms=None,
    is_ended=False,
    errors=("6012 org.w3.clearkey",),
)
ORDER = Order(
    player="shaka-player",
    track_url="http://127.0.0.1:1/~a/v1/tracks/1",
    manifest_url="http://127.0.0.1:1/~a/v1/audio/1/2/manifest.mpd",
    license_url=None,
    codec="flac",
    play_s=2,
    seek_s=8,
    deadline_ms=1000,
)
RIGHT = Cell(WAYS[0], "FLAC", Trial.RIGHT)
NO_LICENSE = replace(RIGHT, trial=Trial.NO_LICENSE)


def test_every_way_must_play_every_codec_and_is_refused_in_every_control():
    tried = list(cells())
    assert len({str(cell) for cell in tried}) == len(tried)
    for way in WAYS:
        assert {cell.codec for cell in tried if cell.way == way and cell.trial.must_play} == {
            "AAC",
            "FLAC",
        }
        untried = {Trial.NO_LICENSE} if way.no_license is None else set()
        assert {cell.trial for cell in tried if cell.way == way} == set(Trial) - untried


def test_what_played_to_its_end_has_no_fault():
    assert fault_of(RIGHT, PLAYED) == ""


@pytest.mark.parametrize(
    ("outcome", "fault"),
    [
        pytest.param(replace(PLAYED, errors=("media 3",)), "failed", id="an error"),
        pytest.param(replace(PLAYED, start_ms=None), "did not play", id="never playing"),
        pytest.param(replace(PLAYED, position_s=2.0), "did not play", id="stands still"),
        pytest.param(replace(PLAYED, codec="mp4a.40.2"), "played another codec", id="AAC"),
        pytest.param(replace(PLAYED, decoded_bytes=0), "decoded nothing", id="nothing decoded"),
        pytest.param(replace(PLAYED, seek_ms=None), "did not seek", id="no seek"),
        pytest.param(replace(PLAYED, is_ended=False), "did not end", id="no end"),
        pytest.param(
            replace(PLAYED, position_s=12 - 1024 / 44100), "ended early", id="a frame is missing"
        ),
        pytest.param(replace(PLAYED, position_s=12.03), "ended late", id="too long"),
    ],
)
def test_what_must_play_and_does_not_is_told(outcome: Outcome, fault: str):
    assert fault_of(RIGHT, outcome) == fault


@pytest.mark.parametrize(
    ("outcome", "fault"),
    [
        pytest.param(REFUSED, "", id="refused in its words"),
        pytest.param(PLAYED, "played", id="played"),
        pytest.param(replace(REFUSED, start_ms=90.0), "played", id="began"),
        pytest.param(
            replace(REFUSED, errors=("1001 404",)),
            "did not play, for another reason",
            id="another error",
        ),
        pytest.param(
            replace(REFUSED, errors=()), "did not play, for another reason", id="said nothing"
        ),
    ],
)
def test_a_control_must_fail_for_its_own_reason(outcome: Outcome, fault: str):
    assert fault_of(NO_LICENSE, outcome) == fault


@pytest.mark.parametrize("cell", list(cells()), ids=str)
def test_every_refusal_is_an_expression(cell: Cell):
    assert re.compile(cell.refusal).pattern == cell.refusal


def test_the_page_reads_the_order_from_its_fragment():
    assert json.loads(urllib.parse.unquote(ORDER.fragment())) == asdict(ORDER)


def test_a_report_is_read_back():
    assert Outcome.from_report(json.dumps(asdict(PLAYED))) == PLAYED


def test_the_page_knows_the_same_words():
    page = (FOLDER / "page.js").read_text()
    assert {field.name for field in fields(Order)} == set(re.findall(r"order\.(\w+)", page))
    (outcome,) = re.findall(r"const outcome = \{(.*?)\};", page, re.DOTALL)
    named = re.findall(r"^ +(\w+)", outcome, re.MULTILINE)
    assert {field.name for field in fields(Outcome)} == set(named)

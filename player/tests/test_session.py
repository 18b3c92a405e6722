import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from http_semantics.problem import Problem
from player.edge_client import Packaging
from player.errors import (
    DigestMismatchError,
    ForeignAddressError,
    LicenseIncompleteError,
    MalformedAnswerError,
    NotFoundError,
    OutputError,
    PlayerError,
    RenditionMissingError,
    StillPackagingError,
    TokenRefusedError,
    TruncatedBodyError,
    UndecodableError,
    UnexpectedStatusError,
    WrongRangeError,
)
from player.playback_gain import GainChoice, GainMode
from player.report import CacheTally, PlayReport, PlayRequest
from player.session import play
from player.tests.stage import SAMPLES, TOKEN, TRACK, Faults, Stage, Tone, ticking

pytestmark = pytest.mark.socket

RENDITIONS = ["flac", "aac-160", "vorbis-160"]


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def no_wait(seconds: float) -> None:
    await asyncio.sleep(0)


async def run(
    edge_url: str,
    rendition: str = "flac",
    *,
    token: str = TOKEN,
    track: str = TRACK,
    out: Path | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> PlayReport:
    request = PlayRequest(edge_url, token, track, rendition, out)
    clock = ticking().__next__
    return await play(request, clock=clock, on_progress=on_progress, wait=no_wait)


async def test_flac_through_the_network_is_the_master(edge_url: str, tone: Tone):
    report = await run(edge_url)
    assert report.pcm_sha256 == tone.facts.pcm_sha256
    assert (report.samples, report.sample_rate_hz, report.channels) == (SAMPLES, 44_100, 2)
    assert (report.title, report.pcm_format) == ("A tone", "s16le")
    assert report.bytes == tone.renditions["flac"].facts.bytes
    assert report.first_audio_ms > 0
    assert report.stalls.count == 0


@pytest.mark.parametrize("rendition", RENDITIONS)
async def test_a_track_plays_into_a_file(edge_url: str, rendition: str, tmp_path: Path):
    shares: list[float] = []
    out = tmp_path / "out.wav"
    report = await run(edge_url, rendition, out=out, on_progress=shares.append)
    assert soundfile.info(out).frames == report.samples == SAMPLES
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


async def test_the_second_time_all_comes_from_the_cache(edge_url: str):
    first, second = await run(edge_url), await run(edge_url)
    assert first.cache == CacheTally(miss=first.segments)
    assert second.cache == CacheTally(hit=second.segments)
    assert first.segments >= 3


async def test_requests_come_as_planned_over_one_connection(
    stage: Stage, edge_url: str, tone: Tone
):
    await run(edge_url)
    kinds = [request.split("/")[2] for request in stage.requests]
    assert kinds[:3] == ["tracks", "audio", "licenses"]
    assert stage.requests[1].endswith("flac.json ")
    first = tone.renditions["flac"].facts.seek.segments[0]
    assert stage.requests[3].endswith(f"bytes=0-{first.offset + first.bytes - 1}")
    assert len(stage.connections) == 1


async def test_a_late_answer_is_a_stall(edge_url: str):
    instants = iter([0.0, 1.0, 60.0, 60.5, *range(61, 99)])
    request = PlayRequest(edge_url, TOKEN, TRACK)
    report = await play(request, clock=lambda: float(next(instants)))
    assert report.first_audio_ms == pytest.approx(1000.0)
    assert report.stalls.count >= 1
    assert report.stalls.total_ms > 50_000


async def test_a_range_cut_short_once_is_asked_for_again(stage: Stage, edge_url: str, tone: Tone):
    stage.faults.truncated = 1
    assert (await run(edge_url)).pcm_sha256 == tone.facts.pcm_sha256


async def test_a_rendition_that_is_being_packaged_is_waited_for(
    stage: Stage, edge_url: str, tone: Tone
):
    stage.faults.not_ready = 3
    assert (await run(edge_url)).pcm_sha256 == tone.facts.pcm_sha256


async def test_the_record_tells_how_loud_to_play(
    stage: Stage, edge_url: str, tone: Tone, tmp_path: Path
):
    stage.faults.record = {"loudness": {"integrated_lufs": -8.0, "true_peak_dbtp": -0.5}}
    out = tmp_path / "out.wav"
    request = PlayRequest(edge_url, TOKEN, TRACK, out=out)
    softer = await play(request, clock=ticking().__next__)
    assert (softer.gain_db, softer.pcm_sha256) == (-6.0, tone.facts.pcm_sha256)
    master, _ = soundfile.read(tone.path)
    heard, _ = soundfile.read(out)
    assert np.abs(heard).max() == pytest.approx(np.abs(master).max() * 10 ** (-6 / 20), rel=0.01)
    request = replace(request, gain=GainChoice(GainMode.OFF))
    same = await play(request, clock=ticking().__next__)
    assert (same.gain_db, same.pcm_sha256) == (0.0, tone.facts.pcm_sha256)
    assert np.array_equal(soundfile.read(out)[0], master)


async def test_waiting_for_packaging_is_told_and_bounded(stage: Stage, edge_url: str):
    seen: list[Packaging] = []
    stage.faults.not_ready = 9
    request = PlayRequest(edge_url, TOKEN, TRACK, packaging_s_max=15.0)
    with pytest.raises(StillPackagingError):
        await play(request, clock=time.monotonic, wait=no_wait, on_packaging=seen.append)
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("faults", "error", "message"),
    [
        pytest.param(Faults(truncated=9), TruncatedBodyError, "within", id="truncated"),
        pytest.param(Faults(altered_at=30_000), DigestMismatchError, "on record", id="altered"),
        pytest.param(Faults(license_key=bytes(16)), UndecodableError, "unharmed", id="wrong key"),
        pytest.param(Faults(is_license_empty=True), LicenseIncompleteError, "no key", id="no key"),
        pytest.param(Faults(is_range_ignored=True), WrongRangeError, "whole", id="no ranges"),
        pytest.param(Faults(is_range_shifted=True), WrongRangeError, "answers", id="other range"),
        pytest.param(
            Faults(entry={"url": "http://evil.example/x.mp4"}), ForeignAddressError, "", id="away"
        ),
        pytest.param(Faults(entry={"samples": 5}), MalformedAnswerError, "samples", id="disagree"),
        pytest.param(Faults(record={"renditions": 1}), MalformedAnswerError, "", id="record"),
        pytest.param(
            Faults(problems={"/v1/licenses": Problem("scope", "Not in your plan", 403)}),
            TokenRefusedError,
            "Not in your plan",
            id="licence refused",
        ),
        pytest.param(
            Faults(problems={"/v1/audio": Problem("origin", "Origin is down", 502)}),
            UnexpectedStatusError,
            "Origin is down",
            id="origin down",
        ),
    ],
)
async def test_what_goes_wrong_is_told_and_leaves_no_file(
    stage: Stage,
    edge_url: str,
    tmp_path: Path,
    faults: Faults,
    error: type[PlayerError],
    message: str,
):
    # Faults count down, and parameters are shared between runs.
    stage.faults = Faults(**{name: getattr(faults, name) for name in Faults.__slots__})
    with pytest.raises(error) as raised:
        await run(edge_url, out=tmp_path / "out.wav")
    assert message in str(raised.value)
    assert raised.value.advice
    assert not names_in(tmp_path)


async def test_a_missing_token_is_told_with_the_problem(edge_url: str):
    with pytest.raises(TokenRefusedError) as raised:
        await run(edge_url, token="")
    assert raised.value.status == 401
    assert "No playback token: Send[31m a token." in str(raised.value)


async def test_a_track_that_does_not_exist_is_not_found(edge_url: str):
    with pytest.raises(NotFoundError, match="No such track"):
        await run(edge_url, track="nothing")


async def test_a_rendition_that_does_not_exist_names_the_others(edge_url: str):
    with pytest.raises(RenditionMissingError, match="vorbis-160"):
        await run(edge_url, "opus-24")


async def test_an_output_that_cannot_be_written_is_told(edge_url: str, tmp_path: Path):
    with pytest.raises(OutputError):
        await run(edge_url, out=tmp_path / "missing" / "out.wav")


async def test_cancelling_leaves_no_file(stage: Stage, edge_url: str, tmp_path: Path):
    task: asyncio.Task[PlayReport] | None = None

    def stop(_: float) -> None:
        assert task is not None
        task.cancel()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(
            run(edge_url, out=tmp_path / "out.wav", on_progress=stop), name="play"
        )
    assert task.cancelled()
    assert not names_in(tmp_path)


async def test_the_real_clock_measures_the_first_audio(edge_url: str):
    request = PlayRequest(edge_url, TOKEN, TRACK)
    report = await play(request, clock=time.monotonic)
    assert 0 < report.first_audio_ms < 5_000

import hashlib
from fractions import Fraction

import av
import numpy as np

from demonstration.oscillators import SAMPLE_RATE_HZ
from demonstration.rendering import Pcm
from demonstration.score import cuts

# Of the samples of seed 1. Nothing but IEEE 754 arithmetic takes part, so it holds everywhere;
# whoever changes the music changes it.
PCM_SHA256 = "f4167b77557170f2c688e2b9ce9848163d54c685611146bdf4178966fb204a78"


def measure(piece: Pcm) -> dict[str, float]:
    """Integrated loudness in LUFS and true peak in dBTP (EBU R 128)."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(
        format="s16",
        sample_rate=SAMPLE_RATE_HZ,
        layout="stereo",
        time_base=Fraction(1, SAMPLE_RATE_HZ),
    )
    meter = graph.add("ebur128", "metadata=1:peak=true:framelog=quiet")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    found: dict[str, str] = {}
    for start in [*range(0, len(piece), SAMPLE_RATE_HZ), None]:
        if start is None:
            graph.push(None)
        else:
            block = np.ascontiguousarray(piece[start : start + SAMPLE_RATE_HZ]).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="stereo")
            frame.sample_rate = SAMPLE_RATE_HZ
            frame.pts = start
            graph.push(frame)
        while True:
            try:
                pulled = graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                break
            found = dict(pulled.metadata) or found
    peak = 20 * np.log10(float(found["lavfi.r128.true_peak"]))
    return {"loudness": float(found["lavfi.r128.I"]), "peak": float(peak)}


def test_the_same_seed_gives_the_same_samples_on_every_machine(piece: Pcm):
    assert hashlib.sha256(piece.astype("<i2").tobytes()).hexdigest() == PCM_SHA256


def test_the_piece_is_as_long_as_its_score(piece: Pcm):
    assert piece.shape == (cuts()[-1], 2)


def test_the_piece_is_neither_too_loud_nor_too_soft(piece: Pcm):
    measured = measure(piece)
    assert -18.0 < measured["loudness"] < -16.0
    assert measured["peak"] < -1.0


def test_there_is_no_click_at_a_join(piece: Pcm):
    signal = piece[:, 0].astype(np.float64)
    for position in cuts()[1:-1]:
        around = np.abs(np.diff(signal[position - 4_410 : position + 4_410]))
        curvature = np.abs(np.diff(signal[position - 4_410 : position + 4_410], 2))
        assert around[4_409] <= np.quantile(around, 0.99)
        assert curvature[4_407:4_410].max() <= np.quantile(curvature, 0.995)


def test_music_sounds_on_both_sides_of_a_join(piece: Pcm):
    for position in cuts()[1:-1]:
        for part in (piece[position - 2_205 : position], piece[position : position + 2_205]):
            assert float(np.sqrt(np.mean(np.square(part.astype(np.float64))))) > 500


def test_only_the_end_is_silent(piece: Pcm):
    loudness = np.abs(piece[: len(piece) // 4_410 * 4_410].reshape(-1, 4_410 * 2)).max(axis=1)
    assert not piece[-100:].any()
    assert loudness[:-40].min() > 300

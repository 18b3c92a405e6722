"""A listener's clock: when playback in real time would have stood still. No I/O, no clock."""

from player.report import Stalls


class PlaybackClock:
    """Follows the arrival of decoded samples.

    Playing starts with the first of them and goes on in real time. Whenever everything that was
    decoded has been heard, it stalls until more arrives; the stall shifts all that follows.
    """

    def __init__(self, *, started_s: float, sample_rate_hz: int) -> None:
        assert sample_rate_hz > 0
        self._started_s = started_s
        self._sample_rate_hz = sample_rate_hz
        self._first_audio_s: float | None = None
        self._samples = 0
        self._stalls = 0
        self._stalled_s = 0.0

    def arrive(self, samples: int, *, now_s: float) -> None:
        """Take note that so many samples were decoded just now."""
        if samples == 0:
            return
        if self._first_audio_s is None:
            self._first_audio_s = now_s
        heard_until_s = self._first_audio_s + self._stalled_s + self._samples / self._sample_rate_hz
        if self._samples and now_s > heard_until_s:
            self._stalls += 1
            self._stalled_s += now_s - heard_until_s
        self._samples += samples

    @property
    def first_audio_ms(self) -> float:
        """From the start to the first decoded samples; 0 if there were none."""
        if self._first_audio_s is None:
            return 0.0
        return (self._first_audio_s - self._started_s) * 1000.0

    @property
    def stalls(self) -> Stalls:
        """The stalls so far."""
        return Stalls(self._stalls, self._stalled_s * 1000.0)

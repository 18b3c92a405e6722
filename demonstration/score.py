"""The composition: three movements without a pause between them, in D minor, B flat and D major.

Harmony is written bar by bar as the bass and the four voices above it, lowest first; melodies as
notes with their length in beats. `performance` turns both into notes on a time line of samples.

    I    Preludio. A harp in broken chords; strings join. It stops on a dominant that rings on.
    II   Aria. The dominant resolves where it was not expected; a viol sings over strings and harp.
         A diminished chord leads back to the dominant of D, which is held.
    III  Finale. D major: triplets of the harp over a plucked bass, then the viol; the close.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from demonstration.instruments import Instrument
from demonstration.oscillators import SAMPLE_RATE_HZ

TITLES: Final = ("I. Preludio", "II. Aria", "III. Finale")

_PITCH = re.compile(r"([A-G])(#|b)?([1-7])")
_STEPS: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS: Final = {"#": 1, "b": -1, None: 0}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its harmony, and a melody that may be silent.

    Attributes:
        chord: names of the bass and of the voices above it, separated by spaces. Voices that move
            within the bar are written `D3>C#3`: first half, second half.
        melody: `name:beats`, separated by spaces; empty for none.
    """

    chord: str
    melody: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """One note of the performance.

    Attributes:
        start: its first sample.
        samples: how long it is held.
        gain: its loudness, linear.
        pan: from 0, left, to 1, right.
        variant: tells strokes apart that are otherwise alike.
        fade_samples: how long a bowed note takes to die away instead of its usual time; 0 for that.
    """

    instrument: Instrument
    pitch: int
    start: int
    samples: int
    gain: float
    pan: float
    variant: int
    fade_samples: int = 0


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement as written.

    Attributes:
        title: as it stands in the tags.
        beats: beats in a bar.
        bars: the music.
        seconds: how long each bar takes: the tempo, with every ritardando.
        figure: order of the voices that the harp plays in a bar; 0 is the bass.
        levels: loudness at the beginning, the middle and the end.
        strings_from: the bar in which the string section enters.
        has_plucked_bass: whether the double bass plays.
    """

    title: str
    beats: int
    bars: tuple[Bar, ...]
    seconds: tuple[float, ...]
    figure: tuple[int, ...]
    levels: tuple[float, float, float]
    strings_from: int
    has_plucked_bass: bool


_PRELUDIO: Final = Movement(
    TITLES[0],
    4,
    (
        Bar("D2 D3 A3 D4 F4"),
        Bar("D2 D3 Bb3 D4 G4"),
        Bar("D2 E3 Bb3 C#4 G4"),
        Bar("D2 F3 A3 D4 F4"),
        Bar("Bb1 F3 Bb3 D4 F4"),
        Bar("G1 E3 Bb3 D4 G4"),
        Bar("A1 E3 A3 C#4 G4"),
        Bar("D2 F3 A3 D4 F4"),
        Bar("B1 F3 G3 D4 G4"),
        Bar("C2 E3 G3 C4 G4"),
        Bar("F2 F3 A3 C4 F4"),
        Bar("Bb1 F3 Bb3 D4 F4"),
        Bar("G1 F3 Bb3 D4 G4"),
        Bar("A1 E3 A3 D4 G4"),
        Bar("A1 E3 A3 C#4 G4"),
    ),
    (2.62, *(2.5,) * 11, 2.56, 2.7, 3.1),
    (0, 1, 2, 3, 4, 3, 2, 3, 4, 3, 2, 1, 2, 3, 2, 1),
    (0.62, 0.95, 0.8),
    strings_from=4,
    has_plucked_bass=False,
)

_ARIA: Final = Movement(
    TITLES[1],
    3,
    (
        Bar("Bb2 F3 D4", "F5:2 D5:1"),
        Bar("A2 F3 C4", "C5:1.5 D5:.5 Eb5:1"),
        Bar("G2 G3 Bb3", "D5:2 Bb4:1"),
        Bar("F2 A3 D4", "A4:1.5 G4:.5 F4:1"),
        Bar("Eb2 G3 Bb3", "G4:1 Bb4:1 Eb5:1"),
        Bar("D2 F3 Bb3", "F5:2 D5:1"),
        Bar("C2 G3 Bb3", "Eb5:1.5 D5:.5 C5:1"),
        Bar("F2 F3 Bb3>A3", "C5:1.5 D5:.5 Eb5:1"),
        Bar("Bb1 D3 Bb3", "F5:2 D5:1"),
        Bar("A1 D3 C4", "F#5:1.5 G5:.5 A5:1"),
        Bar("G1 D3 Bb3", "Bb5:2 G5:1"),
        Bar("G1 D3 Bb3", "G5:1.5 F5:.5 E5:1"),
        Bar("A1 D3 A3", "F5:2 E5:.5 D5:.5"),
        Bar("A1 C#3 G3", "E5:3"),
    ),
    (2.85, *(2.7,) * 9, 2.85, 2.75, 2.85, 3.3),
    (0, 1, 2, 1, 2, 1),
    (0.72, 0.95, 0.74),
    strings_from=0,
    has_plucked_bass=False,
)

_FINALE: Final = Movement(
    TITLES[2],
    4,
    (
        Bar("D2 D3 A3 D4 F#4"),
        Bar("D2 D3 B3 D4 G4"),
        Bar("D2 E3 A3 C#4 G4"),
        Bar("D2 D3 A3 D4 F#4"),
        Bar("B1 D3 B3 D4 F#4", "D5:2 F#5:2"),
        Bar("G1 D3 B3 D4 G4", "B5:3 A5:1"),
        Bar("E2 D3 B3 E4 G4", "G5:2 F#5:1 E5:1"),
        Bar("A1 C#3 A3 E4 G4", "E5:2 G5:2"),
        Bar("F#2 D3 A3 D4 A4", "F#5:3 A5:1"),
        Bar("G2 D3 B3 D4 G4", "B5:2 D6:2"),
        Bar("G2 D3 Bb3 D4 G4", "D6:1 Bb5:3"),
        Bar("A2 D3 A3 D4 F#4", "A5:2 F#5:1 D5:1"),
        Bar("A1 D3>C#3 A3 E4 G4", "E5:4"),
        Bar("D2 D3 A3>Bb3 D4 F#4>G4", "F#5:2 D5:2"),
        Bar("D2 D3 A3 D4 F#4", "D5:4"),
    ),
    (2.3, *(2.2,) * 9, 2.3, 2.45, 2.9, 3.2, 4.2),
    (1, 2, 3, 4, 3, 2, 1, 2, 3, 4, 3, 2),
    (0.68, 1.0, 0.82),
    strings_from=2,
    has_plucked_bass=True,
)

MOVEMENTS: Final = (_PRELUDIO, _ARIA, _FINALE)

# After the last chord the strings of the harp and the room fade by themselves.
_RING_OUT_S: Final = 4.6

# Rounding to samples leaves a gap of this many between two notes of one voice at most.
_TIE_GAP_MAX: Final = 2
_TIE_MAX: Final = 5 * SAMPLE_RATE_HZ  # A bow has an end.

# Over the last chord the bows leave their strings slowly.
_LAST_FADE: Final = int(3.2 * SAMPLE_RATE_HZ)

_GAINS: Final = {
    Instrument.HARP: 0.30,
    Instrument.BASS: 0.42,
    Instrument.STRINGS: 0.15,
    Instrument.VIOL: 0.25,
}


def pitch_of(name: str) -> int:
    """MIDI note number of a name such as `Bb3`; C4 is 60."""
    match = _PITCH.fullmatch(name)
    assert match is not None, name
    step, accidental, octave = match.groups()
    return 12 * (int(octave) + 1) + _STEPS[step] + _ACCIDENTALS[accidental]


def cuts() -> tuple[int, ...]:
    """First sample of each movement, and the end.

    All but the first are odd, so that no cut falls on the frame of any codec.
    """
    positions = [0]
    seconds = 0.0
    for movement in MOVEMENTS:
        seconds += sum(movement.seconds)
        positions.append(int(seconds * SAMPLE_RATE_HZ) | 1)
    positions[-1] = int((seconds + _RING_OUT_S) * SAMPLE_RATE_HZ) | 1
    return tuple(positions)


def performance(seed: int) -> list[Note]:
    """All notes in the order of their start; `seed` moves them as a player's hands would."""
    notes: list[Note] = []
    bowed: list[Note] = []
    start_s = 0.0
    for movement in MOVEMENTS:
        for index, bar in enumerate(movement.bars):
            span = _Span(movement, index, start_s)
            bowed += _strings(bar, span)
            notes += (*_harp(bar, span), *_plucked_bass(bar, span), *_viol(bar, span))
            start_s += movement.seconds[index]
    notes += _tied(bowed)
    moved = [_humanised(note, index, seed) for index, note in enumerate(notes)]
    return sorted(moved, key=lambda note: (note.start, note.variant))


@dataclass(frozen=True, slots=True)
class _Span:
    """Where a bar lies in time."""

    movement: Movement
    index: int
    start_s: float

    @property
    def seconds(self) -> float:
        return self.movement.seconds[self.index]

    @property
    def is_last(self) -> bool:
        return self.movement is MOVEMENTS[-1] and self.index == len(self.movement.bars) - 1

    @property
    def level(self) -> float:
        """Loudness here, on the line through the movement's three levels."""
        first, middle, last = self.movement.levels
        position = self.index / (len(self.movement.bars) - 1)
        if position < 0.65:
            return first + (middle - first) * position / 0.65
        return middle + (last - middle) * (position - 0.65) / 0.35

    def note(
        self,
        instrument: Instrument,
        pitch: int,
        at: tuple[float, float],
        *,
        gain: float,
        pan: float,
    ) -> Note:
        """A note that begins and ends at these shares of the bar."""
        begin, end = at
        start = int((self.start_s + begin * self.seconds) * SAMPLE_RATE_HZ)
        samples = int((end - begin) * self.seconds * SAMPLE_RATE_HZ)
        loudness = _GAINS[instrument] * self.level * gain
        return Note(instrument, pitch, start, samples, loudness, pan, 0)


def _voices(bar: Bar) -> tuple[list[int], list[int]]:
    """Pitches of the first and of the second half of a bar."""
    halves = [name.partition(">") for name in bar.chord.split()]
    first = [pitch_of(name) for name, _, _ in halves]
    second = [pitch_of(later or name) for name, _, later in halves]
    return first, second


def _harp(bar: Bar, span: _Span) -> Iterator[Note]:
    first, second = _voices(bar)
    if span.is_last:
        yield from _rolled_chord(first, span)
        return
    figure = span.movement.figure
    for place, voice in enumerate(figure):
        voices = first if place < len(figure) / 2 else second
        begin = place / len(figure)
        pitch = voices[voice]
        accent = 1.15 if place == 0 else 0.88 if place % 4 else 1.0
        # Strings ring on until the harmony changes; the lowest a little longer.
        end = 1.04 if voice == 0 else 1.0
        pan = 0.3 + 0.4 * (pitch - 38) / 40
        yield span.note(Instrument.HARP, pitch, (begin, end), gain=accent, pan=pan)


def _rolled_chord(voices: list[int], span: _Span) -> Iterator[Note]:
    for place, pitch in enumerate([*voices, voices[1] + 24, voices[-1] + 12]):
        pan = 0.3 + 0.4 * (pitch - 38) / 40
        at = (place * 0.028, 2.0)
        yield span.note(Instrument.HARP, pitch, at, gain=1.15 - 0.04 * place, pan=pan)


def _strings(bar: Bar, span: _Span) -> Iterator[Note]:
    if span.index < span.movement.strings_from:
        return
    for place, (early, late) in enumerate(zip(*_voices(bar), strict=True)):
        gain = 1.1 if place == 0 else 0.9
        pan = (0.62, 0.42, 0.58, 0.34, 0.5)[place]
        if early != late:
            yield span.note(Instrument.STRINGS, early, (0.0, 0.5), gain=gain, pan=pan)
            yield span.note(Instrument.STRINGS, late, (0.5, 1.0), gain=gain, pan=pan)
            continue
        note = span.note(Instrument.STRINGS, early, (0.0, 1.0), gain=gain, pan=pan)
        yield replace(note, fade_samples=_LAST_FADE) if span.is_last else note


def _tied(notes: list[Note]) -> list[Note]:
    """The same notes, where a voice that keeps its pitch is one long stroke of the bow."""
    tied: list[Note] = []
    held: dict[tuple[int, float], int] = {}
    for note in notes:
        voice = (note.pitch, note.pan)
        place = held.get(voice)
        end = 0 if place is None else tied[place].start + tied[place].samples
        if place is None or abs(end - note.start) > _TIE_GAP_MAX or tied[place].samples > _TIE_MAX:
            held[voice] = len(tied)
            tied.append(note)
        else:
            samples = note.start + note.samples - tied[place].start
            tied[place] = replace(tied[place], samples=samples, fade_samples=note.fade_samples)
    return tied


def _plucked_bass(bar: Bar, span: _Span) -> Iterator[Note]:
    if not span.movement.has_plucked_bass:
        return
    pitch = _voices(bar)[0][0]
    yield span.note(Instrument.BASS, pitch, (0.0, 0.9), gain=1.0, pan=0.55)
    if not span.is_last:
        yield span.note(Instrument.BASS, pitch, (0.5, 0.95), gain=0.75, pan=0.55)


def _viol(bar: Bar, span: _Span) -> Iterator[Note]:
    position = 0.0
    for entry in bar.melody.split():
        name, _, beats = entry.partition(":")
        begin = position / span.movement.beats
        position += float(beats)
        end = position / span.movement.beats
        yield span.note(Instrument.VIOL, pitch_of(name), (begin, end), gain=1.0, pan=0.46)
    assert not bar.melody or position == span.movement.beats


def _humanised(note: Note, index: int, seed: int) -> Note:
    # A digest rather than a generator of random numbers: it is the same in every version.
    digest = hashlib.blake2b(f"{seed}/{index}".encode(), digest_size=8).digest()
    # Hands are late rather than early, by up to 9 ms, and uneven by a tenth.
    late = int.from_bytes(digest[:2]) * 400 // 65_536
    gain = note.gain * (0.95 + 0.1 * digest[2] / 255)
    variant = int.from_bytes(digest[3:5])
    return replace(note, start=note.start + late, gain=gain, variant=variant)

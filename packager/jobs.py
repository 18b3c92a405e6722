"""What packaging workers are asked for, and what they answer: orders, facts and their JSON."""

import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

from packager.content_key import ContentKey
from packager.loudness import TrackGain
from packager.renditions import PROFILES, Protection, RenditionProfile, profile_of

OnProgress = Callable[[float], None]
"""Is told which fraction of a job is done, from 0 to 1."""

EXIT_NO_MEMORY: Final = 86
"""Exit status of a worker after a MemoryError: what is left of it cannot be relied on."""

_VERSION_CHARACTERS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class MasterFacts:
    """What is known of a master once all of it has been decoded.

    Attributes:
        codec: FFmpeg's name of it, such as `flac` or `pcm_s24le`.
        container: FFmpeg's short name of it, such as `wav`.
        channels: of its lossless rendition: FLAC's next layout that has all of the master's.
        bits: depth of its lossless rendition, 16 or 24.
        is_lossless_of_master: whether that rendition has the master's very samples; if not, they
            were dithered to 24 bits.
        samples: length of each channel at the master's rate.
        pcm_sha256: digest of the samples of the lossless rendition: interleaved, little-endian,
            16 bits in 2 bytes, 24 bits in 4 bytes of which the low one is zero; hexadecimal.
            Silent channels that pad the master's layout are among them.
        sha256: of the file, hexadecimal.
        bytes: size of the file.
    """

    codec: str
    container: str
    sample_rate_hz: int
    channels: int
    bits: int
    is_lossless_of_master: bool
    samples: int
    pcm_sha256: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class PackagingOrder:
    """One rendition to be made.

    Attributes:
        master: its file.
        facts: from its inspection; a master that does not match them is refused.
        rendition: name of a profile.
        version: of the track.
        key: encrypts the file; it stays out of arguments, environment, logs and `repr`.
        output: where the file goes; what is there already is replaced.
        scheme: of Common Encryption, `cbcs` or `cenc`; what is sealed stays sealed.
        before: file with the samples that precede the master in its album, see
            `packager.inspection_result.Edge`; lossy codecs are warmed up with them.
        after: likewise what follows it.
        gain: what is embedded where files carry tags.
    """

    master: Path
    facts: MasterFacts
    rendition: str
    version: str
    key: ContentKey
    output: Path
    scheme: Protection = Protection.CBCS
    before: Path | None = None
    after: Path | None = None
    gain: TrackGain | None = None

    @property
    def profile(self) -> RenditionProfile:
        """The rung of the ladder."""
        return profile_of(self.rendition, self.scheme)

    def __post_init__(self) -> None:
        if self.rendition not in PROFILES:
            raise ValueError(f"{self.rendition!r} is not one of {', '.join(PROFILES)}")
        if not 0 < len(self.version) <= _VERSION_CHARACTERS_MAX:
            raise ValueError("a version has 1 to 64 characters")


def master_facts_to_json(facts: MasterFacts) -> dict[str, object]:
    """`facts` as objects that any JSON encoder takes."""
    return asdict(facts)


def master_facts_from_json(value: object) -> MasterFacts:
    """Undo `master_facts_to_json`. Members that it does not know are passed over.

    Raises:
        ValueError: a member is missing or of another type.
    """
    if not isinstance(value, Mapping):
        raise ValueError("the facts of a master are not an object")  # noqa: TRY004
    members: dict[str, object] = {}
    for field in fields(MasterFacts):
        member = value.get(field.name)
        if type(member) is not field.type:  # Exactly: True is an int to `isinstance`.
            raise ValueError(f"`{field.name}` is missing from the facts of a master, or wrong")
        members[field.name] = member
    return MasterFacts(**members)  # type: ignore[arg-type]


def tags_from_json(value: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """Values by the names of tags, as a worker read them.

    Raises:
        ValueError: a member is no list of texts.
    """
    tags: dict[str, tuple[str, ...]] = {}
    for name, values in value.items():
        if not isinstance(values, list):
            raise ValueError(f"the values of tag {name!r} are no list")  # noqa: TRY004
        tags[name] = tuple(text for text in values if isinstance(text, str))
    return tags


def order_to_json(order: PackagingOrder) -> dict[str, object]:
    """`order`, its key included, for the pipe to a worker and for nothing else."""
    return {
        "master": path_to_text(order.master),
        "facts": master_facts_to_json(order.facts),
        "rendition": order.rendition,
        "version": order.version,
        "kid": str(order.key.kid),
        "key": order.key.key.hex(),
        "output": path_to_text(order.output),
        "scheme": order.scheme.value,
        "before": None if order.before is None else path_to_text(order.before),
        "after": None if order.after is None else path_to_text(order.after),
        "gain": None if order.gain is None else asdict(order.gain),
    }


def order_from_json(value: Mapping[str, object]) -> PackagingOrder:
    """Undo `order_to_json`.

    Raises:
        ValueError: a member is missing or wrong.
    """
    match value:
        case {
            "master": str(master),
            "facts": facts,
            "rendition": str(rendition),
            "version": str(version),
            "kid": str(kid),
            "key": str(key),
            "output": str(output),
            "scheme": str(scheme),
            "before": str() | None as before,
            "after": str() | None as after,
            "gain": dict() | None as gain,
        }:
            return PackagingOrder(
                master=path_from_text(master),
                facts=master_facts_from_json(facts),
                rendition=rendition,
                version=version,
                key=ContentKey(uuid.UUID(kid), bytes.fromhex(key)),
                output=path_from_text(output),
                scheme=Protection(scheme),
                before=None if before is None else path_from_text(before),
                after=None if after is None else path_from_text(after),
                gain=None if gain is None else TrackGain(**gain),
            )
        case _:
            raise ValueError("not a packaging order")


def path_to_text(path: Path) -> str:
    """Any path, including one that is no Unicode, as hexadecimal text."""
    return os.fsencode(path).hex()


def path_from_text(text: str) -> Path:
    """Undo `path_to_text`."""
    return Path(os.fsdecode(bytes.fromhex(text)))

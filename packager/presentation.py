"""What manifests are made from: the renditions of one version of one track."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from packager.renditions import Container
from packager.seek_index import RenditionFacts


@dataclass(frozen=True, slots=True)
class Presentation:
    """The renditions that a manifest offers.

    All references are relative to the manifest, so that whatever stands before its path, such as a
    token, is inherited.

    Attributes:
        renditions: fragmented MP4 files only, clear or under Common Encryption; at least one.
        license_url: of Clear Key licenses.
    """

    renditions: Sequence[RenditionFacts]
    license_url: str = "../../../licenses/clearkey"

    def __post_init__(self) -> None:
        if not self.renditions:
            raise ValueError("a presentation has at least one rendition")
        for facts in self.renditions:
            if facts.container is not Container.MP4:
                raise ValueError(f"{facts.name} is not a fragmented MP4 file")

    @property
    def duration_s(self) -> Fraction:
        """Exact duration in seconds, of the longest rendition.

        Renditions at another sample rate differ from each other by less than a sample.
        """
        return max(Fraction(facts.samples, facts.sample_rate_hz) for facts in self.renditions)


def file_name(facts: RenditionFacts) -> str:
    """Name of the rendition's file, beside the manifest."""
    return f"{facts.name}.{facts.container}"


def format_seconds(duration_s: Fraction, *, digits: int) -> str:
    """The nearest decimal of so many digits; halves go to the even one."""
    ticks = round(duration_s * 10**digits)
    whole, rest = divmod(ticks, 10**digits)
    return f"{whole}.{rest:0{digits}d}"

"""Errors of making a recorded version again: what is promised cannot be kept here.

* OriginError
    * RebuildError: a recorded version cannot be produced again
        * VersionGoneError: other encoders or other keys are here
        * RebuildMismatchError: other bytes came out
        * IngredientLostError: the master, or a neighbour's edge, is not in the store or damaged
"""

from collections.abc import Mapping
from typing import Final

from origin.errors import NO_STORE, OriginError

# Long enough to see that two digests differ, short enough to read aloud.
_DIGITS_SHOWN: Final = 12


class RebuildError(OriginError):
    """A recorded version cannot be produced again."""

    reason = "rebuild"
    title = "The version cannot be produced again"


class VersionGoneError(RebuildError):
    """The version was made by other encoders, or under other keys, than there are here.

    Attributes:
        version: the one that cannot be made.
        current_version: the one that listeners get; the same if it is the one that is gone.
    """

    status = 410
    reason = "version_gone"
    title = "The version cannot be made here"

    def __init__(
        self, version: str, *, current_version: str, differences: str, file: str = ""
    ) -> None:
        super().__init__(f"version {version} cannot be rebuilt here: {differences}")
        self.version = version
        self.current_version = current_version
        self.differences = differences
        self.members: Mapping[str, object] = {"current_version": current_version}
        if version == current_version:
            self.advice = (
                "Run this on a machine with the recorded encoders, "
                "or move the track to a new version: attacca repackage TRACK"
            )
        else:
            self.advice = "Use the track's current version."
            # RFC 5829 section 3.2; from `/v1/audio/{track_id}/{version}/` to its sibling.
            link = f'<../{current_version}/{file}>; rel="latest-version"'
            self.headers = {**NO_STORE, "Link": link}

    def about(self, file: str) -> "VersionGoneError":
        """The same for a request for one file, so that the answer can link to its successor."""
        return VersionGoneError(
            self.version,
            current_version=self.current_version,
            differences=self.differences,
            file=file,
        )


class RebuildMismatchError(RebuildError):
    """A rebuilt rendition differs from what the record promises. Nothing was published."""

    reason = "rebuild_mismatch"
    title = "The rebuilt rendition differs from its record"

    def __init__(self, key: str, *, recorded: str, built: str) -> None:
        super().__init__(
            f"{key}: recorded SHA-256 {recorded[:_DIGITS_SHOWN]}…, "
            f"built {built[:_DIGITS_SHOWN]}…; nothing was published"
        )
        self.advice = (
            "The record, or an object left in the store under this version, does not belong to "
            "this master and these encoders. Restore it from a copy, or repackage the track."
        )
        self.recorded = recorded
        self.built = built


class IngredientLostError(RebuildError):
    """What a rendition is made from is not in the store, or its bytes are other ones.

    Attributes:
        key: of the object.
    """

    reason = "ingredient_lost"
    title = "What the rendition is made from is lost"

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.advice = (
            "Restore the object from a copy, or ingest the same file again: attacca ingest FILE"
        )

"""What the ingest API needs from the rest of the origin."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from origin.ingest import IngestResult
from origin.progress import OnIngestProgress


class Ingest(Protocol):
    """Takes masters in. `origin.library.Library` does."""

    async def ingest(
        self,
        path: Path,
        *,
        label: str = "",
        overrides: Mapping[str, Sequence[str]] | None = None,
        on_progress: OnIngestProgress | None = None,
    ) -> IngestResult:
        """Take the master `path` in.

        Args:
            path: a regular file; its name is the one that is recorded.
            label: whose it is.
            overrides: values that count instead of the file's own tags, by raw name.
            on_progress: is told how far it is.

        Raises:
            OriginError, PackagerError, DrmError: it is not taken; `retryable` tells whether
                another try may go well.
        """
        ...

    async def label_of(self, track_id: str) -> str | None:
        """Whose a track is; None if there is no such track.

        Raises:
            StoreError: that cannot be told.
        """
        ...

"""Lists of what is to be warmed, and what of them was: a state that outlives the command."""

import contextlib
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

from config.whole_file import replace_file

_FORM: Final = 1
_STATE_BYTES_MAX: Final = 1 << 30


class WarmListError(Exception):
    """A list or its state cannot be read."""


def read_targets(lines: Iterable[str]) -> list[str]:
    """The URLs and paths of a list, each once: one a line, with comments after `#`.

    Raises:
        WarmListError: a line is neither. The message does not show it: it may hold a token.
    """
    targets: dict[str, None] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        text = "" if text.startswith("#") else text.split(" #")[0].split("\t#")[0].strip()
        if not text:
            continue
        if not text.startswith(("/", "http://", "https://")):
            raise WarmListError(
                f"line {number} is neither a path, which begins with /, nor an http(s) URL"
            )
        targets[text] = None
    return list(targets)


class WarmState:
    """Which targets are warm by now, kept in a file; their digests, since they may hold tokens.

    Args:
        file: where; None keeps nothing.
        extent: what of each target was wanted; another wish begins anew.
        finished: digests.
    """

    def __init__(self, file: Path | None, extent: str, finished: set[str]) -> None:
        self._file = file
        self._extent = extent
        self._finished = finished

    @classmethod
    def load(cls, file: Path | None, *, extent: str) -> Self:
        """What an earlier run has left.

        Raises:
            WarmListError: the file is there, and no such state.
        """
        if file is None:
            return cls(None, extent, set())
        try:
            with file.open("rb") as opened:
                document = json.loads(opened.read(_STATE_BYTES_MAX))
            is_of_this_form = document["form"] == _FORM
            finished = {str(one) for one in document["finished"]}
            is_alike = document["extent"] == extent
        except FileNotFoundError:
            return cls(file, extent, set())
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise WarmListError(_not_a_state(file)) from error
        if not is_of_this_form:
            raise WarmListError(_not_a_state(file))
        return cls(file, extent, finished if is_alike else set())

    def is_finished(self, target: str) -> bool:
        """Whether an earlier run, or this one, has warmed it."""
        return _digest(target) in self._finished

    def finish(self, target: str) -> None:
        """Note that it is warm."""
        self._finished.add(_digest(target))

    def save(self) -> None:
        """Write the state, at once or not at all.

        Raises:
            WarmListError: it cannot be written.
        """
        if self._file is None or not self._finished:
            return
        document = {"form": _FORM, "extent": self._extent, "finished": sorted(self._finished)}
        try:
            replace_file(self._file, [json.dumps(document).encode()])
        except OSError as error:
            raise WarmListError(
                f"what is done cannot be noted in {self._file}: {error.strerror}; name another "
                "file with --resume"
            ) from error

    def remove(self) -> None:
        """All is done: another run begins anew."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.unlink()


def _not_a_state(file: Path) -> str:
    return f"{file} is no state of `attacca warm`; name another file with --resume, or remove it"


def _digest(target: str) -> str:
    return hashlib.blake2b(target.encode(errors="surrogateescape"), digest_size=8).hexdigest()

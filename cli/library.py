"""The library that a command works on, and one way to tell what is wrong with it."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from cli import console
from cli.clock import WALL_CLOCK_S
from cli.console import CommandError
from cli.installation import Installation, InstallationError
from cli.one_machine import open_library_of
from config.settings import SettingsError
from drm.errors import DrmError
from origin.errors import OriginError
from origin.library import Library
from packager.errors import PackagerError


@contextlib.asynccontextmanager
async def opened_library(
    data: str, file: Path | None, *, is_made: bool = False
) -> AsyncIterator[Library]:
    """The library of a data folder, or of an origin that runs apart.

    Args:
        data: as `--data` names it.
        file: settings of an origin that runs apart; the data folder does not count then.
        is_made: whether to make the folder if there is none.

    Raises:
        CommandError: it cannot be opened, or the block fails for a reason that can be told.
    """
    installation = Installation.at(data)
    try:
        if file is None:
            installation.create() if is_made else installation.check()
        async with open_library_of(installation, file, clock=WALL_CLOCK_S) as library:
            yield library
    except (InstallationError, SettingsError, OriginError, DrmError, PackagerError) as error:
        raise CommandError(console.describe(error)) from error

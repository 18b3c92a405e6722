from pathlib import Path

import pytest

from cli.console import CommandError
from cli.library import opened_library
from origin.errors import NotFoundError


async def test_a_folder_without_a_library_is_told_and_not_made(tmp_path: Path):
    data = tmp_path / "data"
    with pytest.raises(CommandError, match="there is no library in"):
        async with opened_library(str(data), None):
            pass
    assert not data.exists()


async def test_a_library_is_made_where_masters_are_to_go(tmp_path: Path):
    async with opened_library(str(tmp_path / "data"), None, is_made=True) as library:
        assert not await library.has_tracks()


async def test_what_fails_in_it_is_told_as_the_command_s_error(tmp_path: Path):
    with pytest.raises(CommandError, match="no track has the id") as caught:
        async with opened_library(str(tmp_path / "data"), None, is_made=True) as library:
            await library.upkeep.put_back("0" * 22)
    assert isinstance(caught.value.__cause__, NotFoundError)


async def test_settings_that_are_wrong_are_told(tmp_path: Path):
    file = tmp_path / "origin.toml"
    file.write_text("nonsense = 1\n")
    with pytest.raises(CommandError, match="nonsense"):
        async with opened_library("", file):
            pass

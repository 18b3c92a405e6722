import json
import stat
from pathlib import Path

import pytest

from cli.installation import Installation, InstallationError, Running
from config.credentials import Credential

OPERATOR = Credential("an-operator-credential")


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    installation = Installation(tmp_path / "data")
    installation.create()
    return installation


def test_the_folders_are_closed_to_others(installation: Installation):
    for folder in (installation.data, installation.store, installation.kek.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InstallationError, match="choose another with --data"):
        Installation(tmp_path / "file").create()


def test_a_folder_is_checked_before_it_is_read(installation: Installation, tmp_path: Path):
    installation.check()
    with pytest.raises(InstallationError, match="no library"):
        Installation(tmp_path / "elsewhere").check()


def test_a_lock_that_cannot_be_written_is_told(installation: Installation):
    (installation.run_file.parent / "lock").mkdir()
    with pytest.raises(InstallationError, match="cannot be written"), installation.held():
        pass


def test_what_runs_is_found_by_others_and_only_while_it_runs(installation: Installation):
    running = Running({"edge": "http://127.0.0.1:1"}, OPERATOR)
    with installation.announced(running):
        found = installation.running()
        assert found.urls_by_listener == {"edge": "http://127.0.0.1:1"}
        assert found.operator.matches(OPERATOR.reveal())
        assert stat.S_IMODE(installation.run_file.stat().st_mode) == 0o600
        assert OPERATOR.reveal() not in repr(found)
    with pytest.raises(InstallationError, match="start `attacca up`"):
        installation.running()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"operator_credential": "short"}', "\x00"])
def test_a_torn_run_file_is_nothing_that_runs(installation: Installation, text: str):
    installation.run_file.write_text(text)
    with pytest.raises(InstallationError, match="nothing runs"):
        installation.running()


def test_a_run_file_left_behind_by_a_killed_process_is_replaced(installation: Installation):
    installation.run_file.with_suffix(".partial").write_text("half")
    installation.run_file.write_text(json.dumps({"operator_credential": "of-the-one-killed"}))
    with installation.announced(Running({}, OPERATOR)):
        assert installation.running().operator.matches(OPERATOR.reveal())


def test_a_folder_is_held_by_one_process(installation: Installation):
    with (
        installation.held(),
        pytest.raises(InstallationError, match="already runs"),
        Installation(installation.data).held(),
    ):
        pass
    with installation.held():
        pass

import os
import stat
from pathlib import Path

import pytest

from edge.supervisor.run_folder import holding_run_folder, make_run_folder


def test_it_is_for_its_user_and_gone_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    with holding_run_folder(*make_run_folder()) as folder:
        assert folder.parent == tmp_path
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not list(tmp_path.iterdir())


def test_what_is_left_of_others_is_removed_unless_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    left, lock_fd = make_run_folder()
    os.close(lock_fd)
    with holding_run_folder(*make_run_folder()) as used:
        with holding_run_folder(*make_run_folder()) as second:
            assert set(tmp_path.iterdir()) == {used, second}
        assert set(tmp_path.iterdir()) == {used}
    assert not left.exists()

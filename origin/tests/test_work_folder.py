import signal
import subprocess
import sys
from pathlib import Path

import pytest

from origin.work_folder import open_work_folder

ROOT = Path(__file__).parents[2]

HOLDER = """
import sys
from pathlib import Path
from origin.work_folder import open_work_folder
with open_work_folder(Path(sys.argv[1])) as folder:
    (folder / "work").write_text("")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_a_work_folder_goes_with_the_block(tmp_path: Path):
    with open_work_folder(tmp_path / "scratch") as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_text("")
    assert not folder.exists()


def test_what_lives_stays_and_what_is_dead_goes(tmp_path: Path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    theirs = Path(holder.stdout.readline().strip())
    with open_work_folder(tmp_path) as ours:
        assert ours != theirs
        assert (theirs / "work").exists()
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert (theirs / "work").exists()
    with open_work_folder(tmp_path):
        assert not theirs.exists()


def test_a_folder_whose_removal_was_cut_short_goes(tmp_path: Path):
    (tmp_path / "process-half").mkdir()
    with open_work_folder(tmp_path):
        assert not (tmp_path / "process-half").exists()


def test_two_of_one_process_stand_side_by_side(tmp_path: Path):
    with open_work_folder(tmp_path) as first, open_work_folder(tmp_path) as second:
        assert first.exists()
        assert second.exists()


def test_a_parent_that_cannot_be_made_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"), open_work_folder(tmp_path / "file"):
        pass

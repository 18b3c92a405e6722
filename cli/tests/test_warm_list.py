import json
import stat
from pathlib import Path

import pytest

from cli.warm_list import WarmListError, WarmState, read_targets

TOKEN = "/~eyJ.SECRET.sig"


def test_a_list_has_a_target_a_line_and_comments():
    lines = ["# charts\n", "/a\n", "  /b?c=d  # the second\n", "\n", "https://edge/a#x\n", "/a"]
    assert read_targets(lines) == ["/a", "/b?c=d", "https://edge/a#x"]


@pytest.mark.parametrize("text", ["a", "ftp://host/a", f"edge.example{TOKEN}/v1/a"])
def test_a_line_that_is_no_target_is_named_and_not_shown(text: str):
    with pytest.raises(WarmListError, match="line 2 ") as raised:
        read_targets(["/a", text])
    assert "SECRET" not in str(raised.value)


def test_what_is_done_outlives_the_command(tmp_path: Path):
    file = tmp_path / "list.warm-state"
    state = WarmState.load(file, extent="all")
    state.finish(f"{TOKEN}/v1/a")
    state.save()
    again = WarmState.load(file, extent="all")
    assert again.is_finished(f"{TOKEN}/v1/a")
    assert not again.is_finished("/v1/a")
    assert "SECRET" not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    again.remove()
    assert not file.exists()


def test_another_wish_begins_anew(tmp_path: Path):
    file = tmp_path / "state"
    state = WarmState.load(file, extent="1000")
    state.finish("/a")
    state.save()
    assert not WarmState.load(file, extent="all").is_finished("/a")


def test_a_kill_while_it_is_written_leaves_the_former_one(tmp_path: Path):
    file = tmp_path / "state"
    state = WarmState.load(file, extent="all")
    state.finish("/a")
    state.save()
    (tmp_path / ".state.t").write_text('{"form": 1, "fini')
    assert WarmState.load(file, extent="all").is_finished("/a")
    state.finish("/b")
    state.save()
    assert WarmState.load(file, extent="all").is_finished("/b")


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "5", '{"form": 2, "extent": "all", "finished": []}', '{"form": 1}', "/a\n/b"],
)
def test_another_file_is_not_taken_for_a_state(tmp_path: Path, text: str):
    file = tmp_path / "list.txt"
    file.write_text(text)
    with pytest.raises(WarmListError, match="is no state"):
        WarmState.load(file, extent="all")
    assert file.read_text() == text


def test_a_state_that_cannot_be_written_is_told(tmp_path: Path):
    state = WarmState.load(tmp_path / "missing" / "state", extent="all")
    state.save()  # Nothing is done yet.
    state.finish("/a")
    with pytest.raises(WarmListError, match="--resume"):
        state.save()


def test_without_a_file_nothing_is_kept(tmp_path: Path):
    state = WarmState.load(None, extent="all")
    state.finish("/a")
    state.save()
    state.remove()
    assert state.is_finished("/a")


def test_the_state_is_json(tmp_path: Path):
    state = WarmState.load(tmp_path / "state", extent="all")
    state.finish("/a")
    state.save()
    document = json.loads((tmp_path / "state").read_text())
    assert document == {"form": 1, "extent": "all", "finished": ["ac7a9193037c4a10"]}

import asyncio
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli import console


class TornError(Exception):
    advice = "Send it again."


def test_an_error_says_what_to_do():
    assert console.describe(TornError("it ends early")) == "it ends early. Send it again."
    assert console.describe(ValueError("odd")) == "odd"
    assert console.describe(ValueError()) == "ValueError"


def test_a_told_error_fails_the_command_with_status_1():
    @click.command()
    def command() -> None:
        with console.told_errors(TornError):
            raise TornError("it ends early")

    result = CliRunner().invoke(command)
    assert result.exit_code == 1
    assert result.stderr == "attacca: it ends early. Send it again.\n"


def test_a_fault_of_ours_is_not_hidden():
    with pytest.raises(ZeroDivisionError), console.told_errors(TornError):
        raise ZeroDivisionError


def test_results_are_json_lines(capsys: pytest.CaptureFixture[str]):
    console.print_json({"title": "Præludium"})
    assert capsys.readouterr().out == '{"title":"Præludium"}\n'


def test_a_coroutine_is_run_to_its_result():
    async def main() -> int:
        await asyncio.sleep(0)
        return 5

    assert console.run(main()) == 5


def test_an_interrupt_ends_with_the_status_that_shells_expect():
    async def main() -> None:
        await asyncio.sleep(0)
        raise KeyboardInterrupt

    with pytest.raises(click.exceptions.Exit) as raised:
        console.run(main())
    assert raised.value.exit_code == 130


def test_the_home_folder_is_found_without_a_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "Music").mkdir()
    assert console.MusicPath().convert("~/Music", None, None) == tmp_path / "Music"
    with pytest.raises(click.BadParameter, match="is not there"):
        console.MusicPath().convert("~/Podcasts", None, None)

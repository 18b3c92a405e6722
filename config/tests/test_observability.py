import json
import logging
from collections.abc import Iterator

import pytest

from config.observability import configure_logging


@pytest.fixture(autouse=True)
def restored_root() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_record_is_one_json_object_with_its_facts(capsys: pytest.CaptureFixture[str]):
    configure_logging(is_json=True)
    logging.getLogger("edge.fills").info("fill failed", extra={"reason": "upstream", "object": 1j})
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["logger"], line["level"]) == ("fill failed", "edge.fills", "info")
    assert (line["reason"], line["object"]) == ("upstream", "1j")
    assert "timestamp" in line


def test_a_traceback_stays_on_its_line(capsys: pytest.CaptureFixture[str]):
    configure_logging(is_json=True)
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        logging.getLogger("edge").exception("a request failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert "broken" in line


def fail_with(secret: str) -> None:
    local = f"{secret}-again"
    raise RuntimeError(f"broken, {len(local)}")


@pytest.mark.parametrize("is_json", [True, False], ids=["json", "text"])
def test_a_traceback_shows_no_local_variable(capsys: pytest.CaptureFixture[str], is_json: bool):
    configure_logging(is_json=is_json)
    try:
        fail_with("{0}-{0}".format("hush"))  # Its text stands in no source line.
    except RuntimeError:
        logging.getLogger("edge").exception("a request failed")
    text = capsys.readouterr().err
    assert "broken, 15" in text
    assert "fail_with" in text
    assert "hush-hush" not in text


def test_people_get_text(capsys: pytest.CaptureFixture[str]):
    configure_logging(is_json=False, level="warning")
    logging.getLogger("edge").info("not shown")
    logging.getLogger("edge").warning("shown", extra={"reason": "upstream"})
    text = capsys.readouterr().err
    assert "shown" in text
    assert "not shown" not in text
    assert "upstream" in text

"""Content that was evicted counts for as long as anybody holds it."""

from edge.content import Content
from edge.pins import Pins


def test_evicted_content_counts_until_the_last_answer_lets_go():
    pins, content, other = Pins(), Content(1000), Content(10)
    pins.note(content)
    pins.note(other)
    view = memoryview(content)[10:20]
    del content
    assert pins.bytes == 1010
    del other
    assert pins.bytes == 1000
    del view
    assert pins.bytes == 0


def test_content_that_nobody_holds_does_not_count():
    pins = Pins()
    pins.note(Content(1000))
    assert pins.bytes == 0

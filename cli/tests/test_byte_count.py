import click
import pytest

from cli.byte_count import ByteCount, shown_bytes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("800k", 800_000),
        ("64KiB", 64 << 10),
        ("1.5MB", 1_500_000),
        ("20MiB/s", 20 << 20),
        ("1 GiB", 1 << 30),
        ("2T/s", 2 * 10**12),
    ],
)
def test_an_amount_has_a_unit(text: str, size: int):
    assert ByteCount(is_rate=True).convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "MiB", "-1", "0", "1e9", "1KB/h", "1mib", "٣", "1" * 13])
def test_what_is_no_amount_is_refused(text: str):
    with pytest.raises(click.BadParameter):
        ByteCount(is_rate=True).convert(text, None, None)


def test_a_size_is_no_rate():
    with pytest.raises(click.BadParameter):
        ByteCount().convert("1MiB/s", None, None)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (3 << 40, "3.0 TiB")],
)
def test_amounts_are_shown_in_the_unit_that_fits(size: int, text: str):
    assert shown_bytes(size) == text

"""Amounts of bytes as people write and read them."""

import re
from typing import Final

import click
from typing_extensions import override

_FORM: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?) ?(|k|M|G|T|Ki|Mi|Gi|Ti)B?(/s)?", re.ASCII)
_FACTORS: Final = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 1 << 10,
    "Mi": 1 << 20,
    "Gi": 1 << 30,
    "Ti": 1 << 40,
}


class ByteCount(click.ParamType[int]):
    """An amount such as `64KiB` or `1.5MB`, in bytes.

    Args:
        is_rate: it may end with `/s`.
    """

    def __init__(self, *, is_rate: bool = False) -> None:
        self.name = "rate" if is_rate else "bytes"
        self._is_rate = is_rate

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """See `click.ParamType.convert`."""
        match = _FORM.fullmatch(str(value))
        size = 0 if match is None else round(float(match[1]) * _FACTORS[match[2]])
        if match is None or size < 1 or (match[3] and not self._is_rate):
            example = "20MiB/s" if self._is_rate else "64KiB or 1.5MB"
            self.fail(f"`{value}` is not an amount such as {example}", param, ctx)
        return size


def shown_bytes(size: float) -> str:
    """An amount for people: `1.5 MiB`."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"

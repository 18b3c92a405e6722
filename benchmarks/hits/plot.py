"""The plot: CPU time of each server for each case, as an SVG of bars. No I/O."""

import html
from collections.abc import Sequence
from typing import Final

from benchmarks.hits.figures import Case, Run, runs_of, summarise
from benchmarks.hits.shapes import SHAPES

_BAR: Final = 16
_GAP: Final = 22
_LEFT: Final = 110
_WIDTH: Final = 760
_BARS_WIDTH: Final = 520
_COLORS: Final = {
    "attacca": "#c0392b",
    "attacca-2": "#e08e85",
    "nginx": "#2e6f9e",
    "nginx-2": "#8fb4cf",
    "varnish": "#5b8c3e",
    "ats": "#8e6bb0",
    "floor": "#999999",
}
_OTHER: Final = "#555555"


def svg_of(runs: Sequence[Run]) -> str:
    """Bars by case: the whole is CPU time for a request, the darker part is the system's."""
    parts: list[str] = []
    top = _GAP
    for case in dict.fromkeys(one.case for one in runs):
        lines, top = _case(runs, case, top)
        parts += lines
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top}" '
        'font-family="sans-serif" font-size="11">'
    )
    return "\n".join(
        [head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>", ""]
    )


def _case(runs: Sequence[Run], case: Case, top: int) -> tuple[list[str], int]:
    servers = list(dict.fromkeys(one.server for one in runs if one.case == case))
    summaries = {name: summarise(runs_of(runs, case, name)) for name in servers}
    most_us = max(one.cpu_us for one in summaries.values())
    title = html.escape(f"{case.group}, {SHAPES[case.shape].title}: us of CPU a request")
    lines = [f'<text x="8" y="{top}" font-weight="bold">{title}</text>']
    top += 8
    for name, one in summaries.items():
        width = one.cpu_us / most_us * _BARS_WIDTH
        system = one.system_us / most_us * _BARS_WIDTH
        color = _COLORS.get(name, _OTHER)
        middle = top + _BAR - 5
        lines += [
            f'<text x="{_LEFT - 6}" y="{middle}" text-anchor="end">{html.escape(name)}</text>',
            _bar(top, width, color, 0.55),
            _bar(top, min(system, width), color, 1.0),
            f'<text x="{_LEFT + width + 5:.1f}" y="{middle}">{one.cpu_us:.1f}</text>',
        ]
        top += _BAR
    return lines, top + _GAP


def _bar(top: int, width: float, color: str, opacity: float) -> str:
    return (
        f'<rect x="{_LEFT}" y="{top + 1}" width="{width:.1f}" height="{_BAR - 2}" '
        f'fill="{color}" fill-opacity="{opacity}"/>'
    )

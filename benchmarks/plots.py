"""Plots as small SVG files: lines over logarithmic axes, readable on light and on dark pages.

The same points make the same bytes, and colours follow the reader's theme, which libraries that
draw many more kinds of plots do not do.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 44, 56
LINE_HEIGHT = 17
COLOURS = ("#1f77b4", "#d9662b", "#2a9d5c", "#b0428f", "#8a6d3b", "#5f6fd0", "#2b8c99", "#c03d4d")
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f } .title { font-size: 15px }
.grid { stroke: #8888; stroke-width: .5 } .axis { stroke: #888; fill: none }
polyline { fill: none; stroke-width: 2 } .page { fill: #fff }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .page { fill: #0d1117 } }
"""

Point = tuple[float, float]
Lines = Mapping[str, Sequence[Point]]


class Axis:
    """Maps figures to pixels by their logarithms, from one power of ten to another."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self._low = math.floor(math.log10(min(values)) + 1e-9)
        self._high = max(math.ceil(math.log10(max(values)) - 1e-9), self._low + 1)
        self._start, self._end = start, end

    def place(self, value: float) -> float:
        """Return the pixel of a figure."""
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return round(self._start + share * (self._end - self._start), 1)

    def ticks(self) -> list[float]:
        """Return the powers of ten on it."""
        return [10.0**power for power in range(self._low, self._high + 1)]


def draw(title: str, x_label: str, y_label: str, lines: Lines) -> str:
    """Return a plot with a line for each name; every figure must be above zero."""
    points = [point for line in lines.values() for point in line]
    height = HEIGHT + LINE_HEIGHT * ((len(lines) + 1) // 2)
    x_axis = Axis([x for x, _ in points], LEFT, WIDTH - RIGHT)
    y_axis = Axis([y for _, y in points], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}"/>',
        _text(WIDTH / 2, 24, title, "middle", ' class="title"'),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, x_label, "middle"),
        _text(0, 0, y_label, "middle", f' transform="translate(16 {HEIGHT / 2}) rotate(-90)"'),
    ]
    for tick in x_axis.ticks():
        x = x_axis.place(tick)
        parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(_text(x, HEIGHT - BOTTOM + 17, f"{tick:,.10g}", "middle"))
    for tick in y_axis.ticks():
        y = y_axis.place(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{tick:,.10g}", "end"))
    for number, (name, line) in enumerate(lines.items()):
        parts += _line(number, name, [(x_axis.place(x), y_axis.place(y)) for x, y in line])
    return "\n".join([*parts, "</svg>"]) + "\n"


def _line(number: int, name: str, places: Sequence[Point]) -> list[str]:
    colour = COLOURS[number % len(COLOURS)]
    x = LEFT + number % 2 * (WIDTH - LEFT) / 2
    y = HEIGHT + number // 2 * LINE_HEIGHT
    path = " ".join(f"{x:g},{y:g}" for x, y in places)
    dots = [f'<circle cx="{x:g}" cy="{y:g}" r="3" fill="{colour}"/>' for x, y in places]
    key = f'<rect x="{x:g}" y="{y - 3:g}" width="18" height="3" fill="{colour}"/>'
    return [
        f'<polyline stroke="{colour}" points="{path}"/>',
        *dots,
        key,
        _text(x + 24, y + 3, name, "start"),
    ]


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{more}>{escape(text)}</text>'

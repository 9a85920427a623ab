"""The curve of a metric over the iterations."""

from __future__ import annotations

from collections.abc import Sequence

from ymir.display.html import Safe, colour

__all__ = ["curve"]

_WIDTH, _HEIGHT = 340, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 30, 14, 12, 24


def curve(points: Sequence[tuple[int, float]], target: float | None = None) -> Safe:
    """Returns a chart of points (iteration, metric from 0 to 1), with the target as a line."""
    if not points:
        return Safe("")
    first, last = points[0][0], points[-1][0]
    wide = _WIDTH - _LEFT - _RIGHT
    high = _HEIGHT - _TOP - _BOTTOM

    def x(iteration: int) -> float:
        return _LEFT + wide * ((iteration - first) / (last - first) if last > first else 0.5)

    def y(metric: float) -> float:
        return _TOP + high * (1 - min(max(metric, 0.0), 1.0))

    grid = "".join(
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"'
        ' stroke="currentColor" stroke-opacity=".18"/>'
        f'<text x="{_LEFT - 6}" y="{y(tick) + 3.5:.1f}" text-anchor="end">{tick:g}</text>'
        for tick in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    step = max(1, (last - first) // 8)
    ticks = "".join(
        f'<text x="{x(i):.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{i}</text>'
        for i in range(first, last + 1, step)
    )
    goal = ""
    if target is not None:
        goal = (
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(target):.1f}" y2="{y(target):.1f}"'
            f' stroke="{colour(2)}" stroke-dasharray="4 3"><title>target {target:g}</title></line>'
        )
    line = " ".join(f"{x(i):.1f},{y(metric):.1f}" for i, metric in points)
    dots = "".join(
        f'<circle cx="{x(i):.1f}" cy="{y(metric):.1f}" r="3.2" fill="{colour(0)}">'
        f"<title>iteration {i}: {metric:.3f}</title></circle>"
        for i, metric in points
    )
    value = points[-1][1]
    label = (
        f'<text x="{x(last):.1f}" y="{y(value) - 7:.1f}" text-anchor="end" font-weight="600"'
        f' opacity="1">{value:.3f}</text>'
    )
    return Safe(
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img"'
        ' aria-label="AP50 by iteration" style="font:10px system-ui,sans-serif"'
        ' fill="currentColor">'
        f"{grid}{ticks}{goal}"
        f'<polyline points="{line}" fill="none" stroke="{colour(0)}" stroke-width="2"/>'
        f"{dots}{label}</svg>"
    )

"""Pieces of HTML that look right in light and dark notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import TypeAlias

__all__ = ["Cell", "Safe", "card", "colour", "size", "swatch", "table", "when"]

# Colours come from the notebook, so that they fit its theme; only lines and marks have their own.
_STYLE = """
<style>
.ymir{font:13px/1.45 system-ui,sans-serif;color:inherit;max-width:60em}
.ymir header{margin:0 0 .5em}.ymir header b{font-size:1.15em}
.ymir header span{opacity:.7;margin-left:.6em}
.ymir h4{margin:.9em 0 .25em;font-size:1em;font-weight:600}
.ymir table{border-collapse:collapse;margin:0;color:inherit;font:inherit;
font-variant-numeric:tabular-nums}
.ymir th,.ymir td{padding:.2em .9em .2em 0;text-align:left;border:0;background:none;color:inherit}
.ymir thead th{font-weight:600;opacity:.7;border-bottom:1px solid rgba(128,128,128,.45)}
.ymir tbody tr{background:none}
.ymir tbody td{border-bottom:1px solid rgba(128,128,128,.2);vertical-align:top}
.ymir td.n,.ymir th.n{text-align:right}
.ymir .none{opacity:.6}
.ymir .grid{display:flex;flex-wrap:wrap;gap:8px;margin-top:.6em}
.ymir figure{margin:0;width:168px}
.ymir figure svg{width:168px;height:126px;display:block;border-radius:4px;
background:rgba(128,128,128,.14)}
.ymir figcaption{font-size:11px;opacity:.7;overflow:hidden;text-overflow:ellipsis;
white-space:nowrap}
.ymir i.s{display:inline-block;width:.7em;height:.7em;border-radius:2px;margin-right:.45em}
.ymir .row{display:flex;flex-wrap:wrap;gap:2em;align-items:flex-start}
</style>
"""

_COLOURS = (
    "#2f81f7",
    "#e5534b",
    "#2da44e",
    "#d4a017",
    "#a371f7",
    "#db61a2",
    "#1ba8b4",
    "#f0883e",
    "#8a9a5b",
    "#7d8fff",
)


class Safe(str):
    """A text that is HTML already."""

    __slots__ = ()


Cell: TypeAlias = "str | int | float | None"


def colour(index: int) -> str:
    """Returns the colour of the n-th class."""
    return _COLOURS[index % len(_COLOURS)]


def swatch(name: str, index: int) -> Safe:
    """Returns a class name with the mark of its colour."""
    return Safe(f'<i class="s" style="background:{colour(index)}"></i>{escape(name)}')


def when(time: datetime) -> Safe:
    """Returns a time to the minute, in UTC."""
    return Safe(f'<span style="white-space:nowrap">{time:%Y-%m-%d %H:%M}</span>')


def size(count: int) -> str:
    """Returns a number of bytes as people read it."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def _cell(value: Cell) -> str:
    if value is None:
        return '<td class="none">&ndash;</td>'
    if isinstance(value, Safe):
        return f"<td>{value}</td>"
    if isinstance(value, int):
        return f'<td class="n">{value:,}</td>'
    if isinstance(value, float):
        return f'<td class="n">{value:.3f}</td>'
    return f"<td>{escape(value)}</td>"


def table(heads: Sequence[str], rows: Iterable[Sequence[Cell]], title: str = "") -> Safe:
    """Returns a table; a column is aligned as its first cell."""
    body = [list(row) for row in rows]
    first = body[0] if body else []
    aligned = [
        f'<th class="n">{escape(head)}</th>'
        if i < len(first) and isinstance(first[i], (int, float))
        else f"<th>{escape(head)}</th>"
        for i, head in enumerate(heads)
    ]
    lines = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in body)
    head = f"<h4>{escape(title)}</h4>" if title else ""
    if not body:
        return Safe(f'{head}<div class="none">none</div>')
    return Safe(
        f"{head}<table><thead><tr>{''.join(aligned)}</tr></thead><tbody>{lines}</tbody></table>"
    )


def card(title: str, about: str, *parts: Safe) -> str:
    """Returns the whole of an object: its title, a line about it, and its parts."""
    head = f"<header><b>{escape(title)}</b><span>{escape(about)}</span></header>"
    return f'{_STYLE}<div class="ymir">{head}{"".join(parts)}</div>'

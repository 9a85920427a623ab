"""A dataset in a notebook: its counts, and its first images with their boxes."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING

from ymir.display.html import Safe, card, colour, size, swatch, table
from ymir.errors import YmirError

if TYPE_CHECKING:
    from ymir import Annotation, Dataset, Record

__all__ = ["dataset_html"]

_PICTURES = 8
_SIDE = 336
_BOXES = 100


def dataset_html(dataset: Dataset) -> str:
    """Returns a dataset as HTML."""
    counts = dataset.summary
    kind = "predictions" if dataset.is_predictions else "dataset"
    about = (
        f"{kind} · {counts.assets:,} assets, {counts.annotations:,} annotations,"
        f" {counts.negatives:,} without any · {size(counts.bytes)} · {dataset.version.message}"
    )
    order = {name: i for i, name in enumerate(counts.classes)}
    classes = table(
        ["class", "assets", "annotations"],
        [
            (swatch(name, order[name]), count.assets, count.annotations)
            for name, count in counts.classes.items()
        ],
    )
    return card(str(dataset.version), about, classes, _grid(dataset, order))


def _grid(dataset: Dataset, order: dict[str, int]) -> Safe:
    records = dataset.page(limit=_PICTURES).records
    try:
        pictures = dataset._thumbnails([record.id for record in records], _SIDE)
    except YmirError:
        # Showing a dataset must not fail for a picture.
        pictures = [None] * len(records)
    figures = (_figure(*pair, order) for pair in zip(records, pictures, strict=True))
    return Safe(f'<div class="grid">{"".join(figures)}</div>')


def _figure(record: Record, jpeg: bytes | None, order: dict[str, int]) -> str:
    width, height = max(record.width, 1), max(record.height, 1)
    unit = max(width, height) / 100
    if jpeg is None:
        inside = '<text x="50%" y="50%" text-anchor="middle" fill="currentColor">no picture</text>'
    else:
        inside = (
            f'<image href="data:image/jpeg;base64,{b64encode(jpeg).decode()}"'
            f' width="{width}" height="{height}" preserveAspectRatio="none"/>'
        )
    boxes = "".join(_box(one, order, unit) for one in record.annotations[:_BOXES])
    names = ", ".join(one.class_name for one in record.annotations[:_BOXES]) or "nothing"
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" role="img"'
        f' aria-label="{escape(record.file_name)}: {escape(names)}">{inside}{boxes}</svg>'
        f'<figcaption title="{record.id}">{escape(record.file_name)}</figcaption></figure>'
    )


def _box(annotation: Annotation, order: dict[str, int], unit: float) -> str:
    x, y, w, h = annotation.bbox
    # A class outside the table has the last colour.
    stroke = colour(order.get(annotation.class_name, -1))
    said = escape(annotation.class_name)
    if annotation.score is not None:
        said += f" {annotation.score:.2f}"
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" fill="none" stroke="{stroke}"'
        f' stroke-width="{1.4 * unit:.2f}"><title>{said}</title></rect>'
    )

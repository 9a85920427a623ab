"""The work by Lance. It makes nothing durable when it appends, which YMIR does."""

import lance
import pyarrow as pa
from rows import rows
from step import CLASS, Run, run

FILTER = f"array_has(classes, '{CLASS}')"


def load(step: Run) -> None:
    with step.timed():
        lance.write_dataset(pa.Table.from_pylist(list(rows(step.data))), step.work / "all.lance")


def append(step: Run) -> None:
    with step.timed():
        table = pa.Table.from_pylist(list(rows(step.data / "one")))
        lance.write_dataset(table, step.work / "all.lance", mode="append")


def page(step: Run) -> None:
    dataset = lance.dataset(step.work / "all.lance")
    columns = ["file_name", "width", "height", "boxes", "classes"]
    for _ in range(20):
        with step.timed():
            middle = step.size // 2
            dataset.to_table(columns=columns, offset=middle, limit=100).to_pylist()


def ids(step: Run) -> None:
    dataset = lance.dataset(step.work / "all.lance")
    for _ in range(5):
        with step.timed():
            dataset.to_table(columns=["file_name"], filter=FILTER)["file_name"].to_pylist()


def filtered(step: Run) -> None:
    dataset = lance.dataset(step.work / "all.lance")
    with step.timed():
        lance.write_dataset(dataset.to_table(filter=FILTER), step.work / "filtered.lance")


run(
    {
        "import coco": load,
        "add one": append,
        "page of 100": page,
        "ids of a class": ids,
        "filter": filtered,
    }
)

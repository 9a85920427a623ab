"""The work by Hugging Face datasets."""

from functools import partial

from datasets import Dataset, concatenate_datasets, load_from_disk
from rows import rows
from step import CLASS, Run, run


def generated(step: Run, data: str) -> Dataset:
    generator = partial(rows, step.data / data)
    return Dataset.from_generator(generator, cache_dir=str(step.work / "cache"))


def load(step: Run) -> None:
    with step.timed():
        generated(step, ".").save_to_disk(str(step.work / "all"))


def append(step: Run) -> None:
    with step.timed():
        both = [load_from_disk(str(step.work / "all")), generated(step, "one")]
        concatenate_datasets(both).save_to_disk(str(step.work / "grown"))


def page(step: Run) -> None:
    dataset = load_from_disk(str(step.work / "all")).remove_columns("image")
    for _ in range(20):
        with step.timed():
            middle = step.size // 2
            dataset[middle : middle + 100]


def ids(step: Run) -> None:
    dataset = load_from_disk(str(step.work / "all")).select_columns(["file_name", "classes"])
    for _ in range(5):
        with step.timed():
            columns = zip(dataset["file_name"], dataset["classes"], strict=True)
            [name for name, classes in columns if CLASS in classes]


def filtered(step: Run) -> None:
    dataset = load_from_disk(str(step.work / "all"))
    with step.timed():
        found = dataset.filter(lambda classes: CLASS in classes, input_columns="classes")
        found.save_to_disk(str(step.work / "filtered"))


run(
    {
        "import coco": load,
        "add one": append,
        "page of 100": page,
        "ids of a class": ids,
        "filter": filtered,
    }
)

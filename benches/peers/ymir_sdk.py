"""The work by YMIR, through its Python package."""

from step import CLASS, PARTS, Run, run

import ymir

#: The twelve numbers, in the order of pycocotools.
NUMBERS = (
    *("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"),
    *("ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large"),
)


def load(step: Run, name: str) -> None:
    with ymir.open(step.work / name, create=True) as workspace, step.timed():
        workspace.import_dataset(
            step.data / name, "all", unknown_classes="add", transfer="hard_link"
        )


def append(step: Run) -> None:
    with ymir.open(step.work / "coco") as workspace, step.timed():
        workspace.import_dataset(step.data / "one/coco", "all", append=True, transfer="hard_link")


def page(step: Run) -> None:
    with ymir.open(step.work / "coco") as workspace:
        dataset = workspace.dataset("all")
        for _ in range(20):
            with step.timed():
                dataset.page(step.size // 2, 100)


def ids(step: Run) -> None:
    with ymir.open(step.work / "coco") as workspace:
        dataset = workspace.dataset("all")
        for _ in range(5):
            with step.timed():
                dataset.query(f"class:{CLASS}").ids()


def filtered(step: Run) -> None:
    with ymir.open(step.work / "coco") as workspace, step.timed():
        workspace.dataset("all").filter(f"class:{CLASS}", "filtered")


def merge(step: Run) -> None:
    with ymir.open(step.work / "coco") as workspace:
        dataset = workspace.dataset("all")
        parts = [dataset.filter(f"class:{name}", f"part-{name}") for name in PARTS]
        with step.timed():
            parts[0].merge(parts[1], "merged")


def export(step: Run) -> None:
    with ymir.open(step.work / "coco") as workspace, step.timed():
        workspace.dataset("all").export(step.work / "exported", format="coco")


def evaluate(step: Run) -> None:
    with ymir.open(step.data / "evaluation") as workspace, step.timed():
        evaluation = workspace.evaluate("truth", "found")
    step.numbers = [evaluation.coco[name] or 0.0 for name in NUMBERS]


run(
    {
        "import coco": lambda step: load(step, "coco"),
        "import voc": lambda step: load(step, "voc"),
        "add one": append,
        "page of 100": page,
        "ids of a class": ids,
        "filter": filtered,
        "merge": merge,
        "export coco": export,
        "evaluate": evaluate,
    }
)

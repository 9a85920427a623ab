"""The work by Datumaro. It has no store: each step reads the files anew, untimed where it can."""

from step import CLASS, PARTS, Run, run


def load(step: Run, name: str) -> None:
    from datumaro import Dataset

    with step.timed():
        Dataset.import_from(str(step.data / name), name).init_cache()


def filtered(step: Run) -> None:
    from datumaro import Dataset

    dataset = Dataset.import_from(str(step.data / "coco"), "coco")
    dataset.init_cache()
    with step.timed():
        dataset.filter(f'/item/annotation[label="{CLASS}"]', filter_annotations=False)
        len(dataset)


def merge(step: Run) -> None:
    from datumaro import Dataset, HLOps

    parts = []
    for name in PARTS:
        dataset = Dataset.import_from(str(step.data / "coco"), "coco")
        parts.append(dataset.filter(f'/item/annotation[label="{name}"]'))
        len(parts[-1])
    with step.timed():
        merged = HLOps.merge(*parts, merge_policy="intersect")
        merged.init_cache()


def export(step: Run) -> None:
    from datumaro import Dataset

    dataset = Dataset.import_from(str(step.data / "coco"), "coco")
    dataset.init_cache()
    with step.timed():
        dataset.export(str(step.work / "exported"), "coco_instances", save_media=True)


run(
    {
        "import coco": lambda step: load(step, "coco"),
        "import voc": lambda step: load(step, "voc"),
        "filter": filtered,
        "merge": merge,
        "export coco": export,
    }
)

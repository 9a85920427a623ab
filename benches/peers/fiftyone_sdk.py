"""The work by FiftyOne, with the MongoDB that it starts."""

import os

from step import CLASS, PARTS, Run, run

# What it writes stays below the folder of the run.
os.environ["FIFTYONE_DO_NOT_TRACK"] = "true"


def load(step: Run, name: str) -> None:
    import fiftyone as fo

    parts: dict[str, object] = (
        {
            "dataset_type": fo.types.COCODetectionDataset,
            "data_path": str(step.data / "images"),
            "labels_path": str(step.data / "coco/annotations/instances_train.json"),
        }
        if name == "coco"
        else {
            "dataset_type": fo.types.VOCDetectionDataset,
            "data_path": str(step.data / "images"),
            "labels_path": str(step.data / "voc/Annotations"),
        }
    )
    with step.timed():
        dataset = fo.Dataset.from_dir(name=name, progress=False, **parts)
        dataset.persistent = True


def append(step: Run) -> None:
    import fiftyone as fo

    dataset = fo.load_dataset("coco")
    with step.timed():
        dataset.add_dir(
            dataset_type=fo.types.COCODetectionDataset,
            data_path=str(step.data / "one/images"),
            labels_path=str(step.data / "one/coco/annotations/instances_train.json"),
            progress=False,
        )


def page(step: Run) -> None:
    import fiftyone as fo

    dataset = fo.load_dataset("coco")
    for _ in range(20):
        with step.timed():
            middle = step.size // 2
            for sample in dataset[middle : middle + 100]:
                sample.to_dict()


def ids(step: Run) -> None:
    import fiftyone as fo

    dataset = fo.load_dataset("coco")
    labels = fo.ViewField("label") == CLASS
    for _ in range(5):
        with step.timed():
            dataset.filter_labels(_field(dataset), labels).values("id")


def filtered(step: Run) -> None:
    import fiftyone as fo

    dataset = fo.load_dataset("coco")
    with step.timed():
        view = dataset.match_labels(filter=fo.ViewField("label") == CLASS)
        view.clone("filtered", persistent=True)


def merge(step: Run) -> None:
    import fiftyone as fo

    dataset = fo.load_dataset("coco")
    views = [dataset.match_labels(filter=fo.ViewField("label") == name) for name in PARTS]
    parts = [view.clone() for view in views]
    with step.timed():
        parts[0].merge_samples(parts[1], progress=False)


def export(step: Run) -> None:
    import fiftyone as fo

    dataset = fo.load_dataset("coco")
    with step.timed():
        dataset.export(
            export_dir=str(step.work / "exported"),
            dataset_type=fo.types.COCODetectionDataset,
            label_field=_field(dataset),
            progress=False,
        )


def _field(dataset: object) -> str:
    """Returns the field that an import has put the boxes in."""
    names = dataset.get_field_schema()  # type: ignore[attr-defined]
    return "detections" if "detections" in names else "ground_truth"


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
    }
)

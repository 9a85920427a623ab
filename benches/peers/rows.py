"""The images of a COCO folder as rows, for the tools that store tables."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def rows(data: Path) -> Iterator[dict[str, Any]]:
    """Yields a row per image: its bytes, its size, its boxes and their classes."""
    document = json.loads((data / "coco/annotations/instances_train.json").read_text())
    names = {category["id"]: category["name"] for category in document["categories"]}
    annotations = defaultdict(list)
    for annotation in document["annotations"]:
        annotations[annotation["image_id"]].append(annotation)
    for image in document["images"]:
        found = annotations[image["id"]]
        yield {
            "file_name": image["file_name"],
            "width": image["width"],
            "height": image["height"],
            "image": (data / "images" / image["file_name"]).read_bytes(),
            "boxes": [[float(side) for side in one["bbox"]] for one in found],
            "classes": [names[one["category_id"]] for one in found],
        }

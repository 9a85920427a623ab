"""Small data and code that the tests make themselves."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import ymir

CLASSES = ["disc", "square"]


def png(width: int, height: int, seed: int) -> bytes:
    """Returns a PNG file of a plain colour with a brighter patch."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            inside = 10 <= x < 30 and 8 <= y < 28
            rows += bytes([(seed * 37) % 200 + (50 if inside else 0), 90, 160 if inside else 60])

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(rows), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def write_voc(folder: Path, images: int) -> Path:
    """Writes a Pascal VOC folder; a third of the images is the split `val`."""
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    names = [f"scene{i:04}" for i in range(images)]
    for i, name in enumerate(names):
        (folder / "JPEGImages" / f"{name}.png").write_bytes(png(64, 48, i))
        objects = "".join(
            f"<object><name>{CLASSES[(i + n) % 2]}</name><difficult>0</difficult><bndbox>"
            f"<xmin>{11 + n}</xmin><ymin>{9 + n}</ymin><xmax>{30 + n}</xmax><ymax>{28 + n}</ymax>"
            "</bndbox></object>"
            for n in range(1 + i % 3)
        )
        (folder / "Annotations" / f"{name}.xml").write_text(
            f"<annotation><filename>{name}.png</filename><size><width>64</width>"
            f"<height>48</height><depth>3</depth></size>{objects}</annotation>"
        )
    val = names[: images // 3]
    for split, members in (("val", val), ("train", names[images // 3 :])):
        (folder / "ImageSets/Main" / f"{split}.txt").write_text("\n".join(members) + "\n")
    return folder


class Memorizer:
    """Learns the mean box of each class, and says it of every image."""

    version = "1"
    parameters = {"epochs": 2}  # noqa: RUF012

    def train(self, task: ymir.TrainTask) -> None:
        boxes: dict[str, list[ymir.BBox]] = {name: [] for name in task.class_names}
        for sample in task.training:
            for annotation in sample.annotations:
                boxes[annotation.class_name].append(annotation.bbox)
        epochs = int(task.parameters["epochs"])
        for epoch in range(epochs):
            task.progress((epoch + 1) / epochs, f"epoch {epoch + 1}")
            task.log(f"epoch {epoch + 1} of {epochs}")
        lines = []
        for name, found in boxes.items():
            if found:
                mean = [sum(box[i] for box in found) / len(found) for i in range(4)]
                lines.append(" ".join([name, *map(str, mean)]))
        (task.model_dir / "boxes.txt").write_text("\n".join(lines))
        task.save_stage("last", files="boxes.txt", mAP=0.5)

    def infer(self, task: ymir.InferTask) -> None:
        rows = [line.split() for line in task.model_files[0].read_text().splitlines()]
        for sample in task.candidates:
            found = [
                ymir.Annotation(name, [float(n) for n in numbers], score=0.9)
                for name, *numbers in rows
            ]
            task.predict(sample, found)


def train(
    workspace: ymir.Workspace, executor: ymir.Executor, model: str = "m"
) -> ymir.Task[ymir.Model]:
    """Starts a training on what `filled` has."""
    return workspace.start_train(
        executor=executor, classes=CLASSES, training="pool", validation="val", model=model
    )

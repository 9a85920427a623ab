"""What imports, exports and evaluations report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ymir.versions import Version

__all__ = [
    "CaseMatch",
    "ClassEvaluation",
    "Dropped",
    "Duplicate",
    "EditReport",
    "Evaluation",
    "ExportReport",
    "FsckReport",
    "GarbageReport",
    "ImportReport",
    "LabelStatus",
    "Lost",
    "Problem",
    "Renamed",
    "Skipped",
    "UnknownClass",
]


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A file with the same bytes as another one: both are one asset."""

    path: str
    first: str
    annotations_differ: bool


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was not taken: why, for programs (``kind``) and for people (``reason``)."""

    path: str
    kind: Literal[
        "no_annotation",
        "no_image",
        "ambiguous",
        "bad_annotation",
        "bad_image",
        "near_duplicate",
        "unreadable",
        "not_there",
        "unsafe",
    ]
    reason: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """An object that was not taken, of a file that was; objects are counted from 1."""

    path: str
    object: int
    reason: str


@dataclass(frozen=True, slots=True)
class CaseMatch:
    """A name that was taken as a class which has it in another case."""

    name: str
    class_name: str

    @classmethod
    def _of(cls, data: dict[str, Any]) -> CaseMatch:
        return cls(data["name"], data["class"])

    def __str__(self) -> str:
        """Returns both as a sentence."""
        return f'"{self.name}" was taken as the class "{self.class_name}"'


@dataclass(frozen=True, slots=True)
class UnknownClass:
    """A class name that the workspace did not have, and how many annotations have it."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Lost:
    """Something that found no place, so that nothing is dropped silently.

    Attributes:
        what: What it is.
        count: How often it occurred.
    """

    what: str
    count: int


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did; nothing is left out of its lists.

    Attributes:
        version: The version that was made.
        imported: Assets that the source gave the version.
        annotations: Annotations on them.
        negatives: Assets among them without any annotation.
        duplicates: Files with the same bytes as another.
        skipped: Files that were not taken.
        dropped: Objects that were not taken, of files that were.
        clipped: Boxes that reached out of their image and were cut at its edge.
        size_mismatches: Annotation files that tell another size than the image has.
        case_matches: The names that were taken as a class which has them in another case.
        unknown_classes: The names that the workspace did not have.
        added_classes: Those of them that were added to it.
        ignored_annotations: Annotations that were left out because of their unknown class.
        lost: What the source says and a dataset has no place for.
    """

    version: Version
    imported: int
    annotations: int
    negatives: int
    duplicates: tuple[Duplicate, ...]
    skipped: tuple[Skipped, ...]
    dropped: tuple[Dropped, ...]
    clipped: int
    size_mismatches: tuple[str, ...]
    case_matches: tuple[CaseMatch, ...]
    unknown_classes: tuple[UnknownClass, ...]
    added_classes: tuple[str, ...]
    ignored_annotations: int
    lost: tuple[Lost, ...]

    @classmethod
    def _of(cls, data: dict[str, Any]) -> ImportReport:
        return cls(
            version=Version._of(data["version"]),
            imported=data["imported"],
            annotations=data["annotations"],
            negatives=data["negatives"],
            duplicates=tuple(Duplicate(**item) for item in data["duplicates"]),
            skipped=tuple(Skipped(**item) for item in data["skipped"]),
            dropped=tuple(Dropped(**item) for item in data["dropped"]),
            clipped=data["clipped"],
            size_mismatches=tuple(data["size_mismatches"]),
            case_matches=tuple(CaseMatch._of(item) for item in data["case_matches"]),
            unknown_classes=tuple(UnknownClass(**item) for item in data["unknown_classes"]),
            added_classes=tuple(data["added_classes"]),
            ignored_annotations=data["ignored_annotations"],
            lost=tuple(Lost(**item) for item in data["lost"]),
        )


@dataclass(frozen=True, slots=True)
class Renamed:
    """An image whose file has another name than at its import."""

    id: str
    from_name: str
    to_name: str


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export did.

    Attributes:
        images: Images.
        annotations: Annotations on them.
        renamed: Images whose file has another name than at its import.
        lost: What the dataset has and the format cannot say.
    """

    images: int
    annotations: int
    renamed: tuple[Renamed, ...]
    lost: tuple[Lost, ...]

    @classmethod
    def _of(cls, data: dict[str, Any]) -> ExportReport:
        renamed = (Renamed(item["id"], item["from"], item["to"]) for item in data["renamed"])
        lost = tuple(Lost(**item) for item in data["lost"])
        return cls(data["images"], data["annotations"], tuple(renamed), lost)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was written.

    Attributes:
        subject: What is damaged or missing.
        message: What is wrong with it, and what can be done.
        version: The version by which it was come upon, where there is one.
    """

    subject: str
    message: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class FsckReport:
    """What a check of a workspace found.

    Attributes:
        versions: Versions that were looked at.
        nodes: Nodes of their trees that were read.
        assets: Different assets in all versions.
        blobs: Image and model files that versions need.
        blob_bytes: Their bytes.
        problems: What is wrong; nothing where all is well.
    """

    versions: int
    nodes: int
    assets: int
    blobs: int
    blob_bytes: int
    problems: tuple[Problem, ...]

    @classmethod
    def _of(cls, data: dict[str, Any]) -> FsckReport:
        problems = tuple(Problem(**item) for item in data["problems"])
        fields: dict[str, Any] = {**data, "problems": problems}
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class GarbageReport:
    """What a cleaning of a workspace deleted, or would have.

    Attributes:
        blobs: Image and model files that no version reaches, and those of broken-off imports.
        bytes: Their bytes.
        kept_young: Such files that were kept because they are young.
        in_use: Files that versions reach.
    """

    blobs: int
    bytes: int
    kept_young: int
    in_use: int


@dataclass(frozen=True, slots=True)
class LabelStatus:
    """How far a labeler is.

    Attributes:
        total: Assets to label.
        labeled: Those that are.
        finished: Whether the labels can be collected.
        skipped: Assets that the labeler passed over and will not label.
    """

    total: int
    labeled: int
    finished: bool
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class EditReport:
    """What an edit changed.

    Attributes:
        version: The version with the changes; the newest there was, if nothing changed.
        unchanged: Whether nothing changed, so that no version was made.
        added: Records that are new.
        changed: Records that are different.
        removed: Records that are gone.
        annotations_added: Annotations that are new or different.
        annotations_removed: Annotations that are gone or different.
        classes_added: Classes that were added to the workspace.
        annotations_ignored: Annotations that were left out because of their unknown class.
    """

    version: Version
    unchanged: bool
    added: int
    changed: int
    removed: int
    annotations_added: int
    annotations_removed: int
    classes_added: tuple[str, ...]
    annotations_ignored: int

    @classmethod
    def _of(cls, data: dict[str, Any]) -> EditReport:
        fields: dict[str, Any] = {
            **data,
            "version": Version._of(data["version"]),
            "classes_added": tuple(data["classes_added"]),
        }
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class ClassEvaluation:
    """How good the predictions of one class are; figures are 0 to 1, None without ground truth.

    Attributes:
        ap: Average precision, the mean over IoU 0.5 to 0.95.
        ap50: Average precision at IoU 0.5.
        ap75: Average precision at IoU 0.75.
        ar: Average recall.
        ground_truths: Objects to be found.
        predictions: Predictions.
    """

    ap: float | None
    ap50: float | None
    ap75: float | None
    ar: float | None
    ground_truths: int
    predictions: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How good predictions are, by COCO's rules.

    Attributes:
        ap50: Average precision at IoU 0.5 over the classes asked for; None without ground truth.
        metrics: ``AP``, ``AP50``, ``AP75`` over the classes asked for, and each class's as
            ``AP/<class>`` and ``AP50/<class>``.
        classes: Figures per class, by name.
        coco: The twelve numbers of COCO over all classes that occur: ``ap``, ``ap50``, ``ap75``,
            ``ap_small``, ``ap_medium``, ``ap_large``, ``ar1``, ``ar10``, ``ar100``, ``ar_small``,
            ``ar_medium``, ``ar_large``.
        images: Images that were looked at.
        predictions_outside: Predictions on images that the ground truth does not have.
    """

    ap50: float | None
    metrics: Mapping[str, float]
    classes: Mapping[str, ClassEvaluation]
    coco: Mapping[str, float | None]
    images: int
    predictions_outside: int

    @classmethod
    def _of(cls, data: tuple[Any, ...]) -> Evaluation:
        ap50, metrics, classes, whole = data
        counts = ("classes", "images", "predictions_outside")
        return cls(
            ap50=ap50,
            metrics=metrics,
            classes={name: ClassEvaluation(**figures) for name, figures in classes},
            coco={name: value for name, value in whole.items() if name not in counts},
            images=whole["images"],
            predictions_outside=whole["predictions_outside"],
        )

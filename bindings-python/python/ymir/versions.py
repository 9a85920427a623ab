"""Versions: what names of datasets, predictions, models and projects stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, TypeAlias

__all__ = [
    "ClassCount",
    "Kind",
    "Lineage",
    "Manifest",
    "ObjectType",
    "PredictionInfo",
    "Spec",
    "Summary",
    "Version",
    "WorkspaceClass",
]

Kind: TypeAlias = Literal["dataset", "prediction", "model", "project"]
"""What a version is a version of."""

ObjectType: TypeAlias = Literal[
    "classification", "detection", "semantic_segmentation", "instance_segmentation"
]
"""What annotations are, and what a model learns."""


class _Versioned(Protocol):
    @property
    def version(self) -> Version: ...


def instant(text: str) -> datetime:
    """Returns a time as the native module tells it (UTC, ends in Z), to the microsecond."""
    whole, dot, fraction = text.removesuffix("Z").partition(".")
    micros = f".{fraction[:6].ljust(6, '0')}" if dot else ""
    return datetime.fromisoformat(f"{whole}{micros}+00:00")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a dataset, prediction set, model or project: immutable.

    Attributes:
        id: The id of its git commit.
        kind: What it is a version of.
        name: The name of what it is a version of.
        number: Its number, counted from 1.
        parent: The id of the version before it.
        created: When it was committed.
        content: The identity of its content: equal for two versions with equal records.
        message: The first line of its commit message.
    """

    id: str
    kind: Kind
    name: str
    number: int
    parent: str | None
    created: datetime
    content: str
    message: str

    @property
    def spec(self) -> str:
        """The text that always means this very version: ``name@<id>``."""
        return f"{self.name}@{self.id}"

    def __str__(self) -> str:
        """Returns it as people write it: ``name@v3``."""
        return f"{self.name}@v{self.number}"

    @classmethod
    def _of(cls, data: dict[str, Any]) -> Version:
        branch = data["branch"]
        return cls(
            id=data["id"],
            kind=branch["kind"],
            name=branch["name"],
            number=data["number"],
            parent=data["parent"],
            created=instant(data["created"]),
            content=data["content"],
            message=data["message"],
        )


Spec: TypeAlias = "str | Version | _Versioned"
"""How a version is meant: ``"name"``, ``"name@v3"``, ``"name@latest"``, ``"name@<commit>"``, a
:class:`Version`, or an object that has one (:class:`ymir.Dataset`, :class:`ymir.Model`)."""


def text_of(spec: Spec) -> str:
    """Returns a spec as text."""
    if isinstance(spec, str):
        return spec
    version = spec if isinstance(spec, Version) else getattr(spec, "version", None)
    if isinstance(version, Version):
        return version.spec
    raise TypeError(
        "expected a version such as 'name' or 'name@v3', a Version, a Dataset or a Model;"
        f" got {type(spec).__name__}"
    )


def text_or_none(spec: Spec | None) -> str | None:
    """Returns a spec as text, if there is one."""
    return None if spec is None else text_of(spec)


@dataclass(frozen=True, slots=True)
class WorkspaceClass:
    """A class of a workspace.

    Attributes:
        id: Its number, which never changes.
        name: Its main name.
        aliases: Further names that mean the same, the names of before included.
        retired: Whether it is not offered for new work.
    """

    id: int
    name: str
    aliases: tuple[str, ...] = ()
    retired: bool = False

    @classmethod
    def _of(cls, data: dict[str, Any]) -> WorkspaceClass:
        return cls(data["id"], data["name"], tuple(data["aliases"]), data["retired"])


@dataclass(frozen=True, slots=True)
class ClassCount:
    """How often a class occurs.

    Attributes:
        assets: Assets with an annotation of it.
        annotations: Annotations of it.
    """

    assets: int
    annotations: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts of a version.

    Attributes:
        assets: Assets.
        negatives: Assets without any annotation.
        annotations: Annotations.
        bytes: The size of all image files together.
        classes: Counts by the name of the class.
    """

    assets: int
    negatives: int
    annotations: int
    bytes: int
    classes: Mapping[str, ClassCount]


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a version was made by and from.

    Attributes:
        kind: The kind of task: ``"import"``, ``"train"``, ``"merge"`` and so on.
        inputs: The ids of the versions it was made from, by their role.
        parameters: The parameters, as JSON texts.
        executor: The executor, if one ran.
        seed: The seed of every random choice.
        metrics: Figures that the task gave.
        started: When it began.
        finished: When it ended.
        library_version: The version of YMIR.
        task: The id of the task, if it was one.
    """

    kind: str
    inputs: Mapping[str, str]
    parameters: Mapping[str, str]
    executor: str
    seed: int
    metrics: Mapping[str, float]
    started: datetime
    finished: datetime
    library_version: str
    task: str | None = None

    @classmethod
    def _of(cls, data: dict[str, Any]) -> Lineage:
        return cls(
            kind=data["kind"],
            inputs={item["role"]: item["version"] for item in data["inputs"]},
            parameters=data["parameters"],
            executor=data["executor"],
            seed=data["seed"],
            metrics=data["metrics"],
            started=instant(data["started"]),
            finished=instant(data["finished"]),
            library_version=data["library_version"],
            task=data.get("task"),
        )


@dataclass(frozen=True, slots=True)
class PredictionInfo:
    """What a prediction set was made from: the ids of the model and the dataset version."""

    model: str
    dataset: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a dataset version says about itself, beside its records.

    Attributes:
        object_type: What its annotations are.
        classes: The class table at the time of the commit.
        summary: The counts of its records.
        lineage: What it was made by and from.
        prediction: For a prediction set, what it was made from.
    """

    object_type: ObjectType
    classes: tuple[WorkspaceClass, ...]
    summary: Summary
    lineage: Lineage
    prediction: PredictionInfo | None

    @classmethod
    def _of(cls, data: Any) -> Manifest:
        (object_type, table, task), prediction, counts, classes = data
        assets, negatives, annotations, size = counts
        named = {name: ClassCount(**count) for name, count in classes}
        return cls(
            object_type,
            tuple(WorkspaceClass._of(entry) for entry in table),
            Summary(assets, negatives, annotations, size, named),
            Lineage._of(task),
            PredictionInfo(**prediction) if prediction else None,
        )

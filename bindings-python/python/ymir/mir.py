"""What the import of a repository of the original YMIR reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ymir.versions import Version

__all__ = [
    "MirClass",
    "MirDataset",
    "MirLeftOut",
    "MirModel",
    "MirNotCarried",
    "MirReport",
    "MirSkipped",
    "MirVersion",
]


@dataclass(frozen=True, slots=True)
class MirDataset:
    """A branch of the original, the name of the dataset it became, and how many versions it has."""

    branch: str
    name: str
    versions: int


@dataclass(frozen=True, slots=True)
class MirVersion:
    """A version of a dataset of the original.

    Attributes:
        name: The original's name, ``branch@task``.
        commit: The original's commit.
        version: The version it became.
        predictions: The prediction set beside it, if there were predictions.
        is_new: Whether it was made now; else it had been imported before.
        assets: Assets that the original has.
        left_out: Assets among them that were left out.
    """

    name: str
    commit: str
    version: Version
    predictions: Version | None
    is_new: bool
    assets: int
    left_out: int

    @classmethod
    def _of(cls, data: dict[str, Any]) -> MirVersion:
        version, predictions = Version._of(data["version"]), _version(data["predictions"])
        fields: dict[str, Any] = {**data, "version": version, "predictions": predictions}
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class MirSkipped:
    """A tag or branch that became no version: why, for programs and for people.

    Attributes:
        name: The tag or branch.
        commit: The original's commit.
        kind: Why, for programs.
        reason: Why, for people.
        return_code: The original's code of a task that failed.
    """

    name: str
    commit: str
    kind: Literal["empty", "failed", "damaged", "no_dataset", "no_commit", "no_images"]
    reason: str
    return_code: int | None = None


@dataclass(frozen=True, slots=True)
class MirClass:
    """A class of the original.

    Attributes:
        number: The original's number.
        name: The name.
        id: The number of the class here; None if it has none.
        outcome: What was done with it.
        annotations: How many annotations have it, of versions not imported before.
        refused_aliases: Its aliases that mean another class here and were not taken over.
    """

    number: int
    name: str
    id: int | None
    outcome: Literal["mapped", "added", "kept", "ignored"]
    annotations: int
    refused_aliases: tuple[str, ...] = ()

    @classmethod
    def _of(cls, data: dict[str, Any]) -> MirClass:
        return cls(
            data["number"],
            data["name"],
            data["class"],
            data["outcome"],
            data["annotations"],
            tuple(data.get("refused_aliases", ())),
        )


@dataclass(frozen=True, slots=True)
class MirModel:
    """A model of the original.

    Attributes:
        name: The tag of the task that made it.
        hash: The SHA-1 of its package.
        version: The version it became; None without its package.
        is_new: Whether that was made now.
        reason: Why it became none.
    """

    name: str
    hash: str
    version: Version | None
    is_new: bool
    reason: str | None

    @classmethod
    def _of(cls, data: dict[str, Any]) -> MirModel:
        fields: dict[str, Any] = {**data, "version": _version(data["version"])}
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class MirLeftOut:
    """An image that versions have and the media folder does not, or not rightly.

    Attributes:
        sha1: The SHA-1.
        file_name: The name of the file when the original imported it.
        versions: How many versions lack it.
        kind: Why, for programs.
        reason: Why, for people.
    """

    sha1: str
    file_name: str
    versions: int
    kind: Literal["missing", "wrong_content", "bad_image", "unreadable"]
    reason: str


@dataclass(frozen=True, slots=True)
class MirNotCarried:
    """Something that a version of the original has and the new one does not, and how often."""

    name: str
    what: str
    count: int


@dataclass(frozen=True, slots=True)
class MirReport:
    """What the import of a repository of the original did; nothing is left out of its lists.

    Attributes:
        media: The folder that the images were taken from.
        labels: The file that the class table was read from.
        datasets: The branches and the datasets that they became.
        versions: The versions, none before what it was made from.
        skipped: What became no version.
        classes: The classes and what they mean here.
        models: The models.
        images: Images that are in the workspace now; 0 if all had been imported before.
        left_out: Images that versions were made without.
        not_carried: What else the new versions do not have.
    """

    media: str | None
    labels: str | None
    datasets: tuple[MirDataset, ...]
    versions: tuple[MirVersion, ...]
    skipped: tuple[MirSkipped, ...]
    classes: tuple[MirClass, ...]
    models: tuple[MirModel, ...]
    images: int
    left_out: tuple[MirLeftOut, ...]
    not_carried: tuple[MirNotCarried, ...]

    @property
    def made(self) -> int:
        """How many versions are new."""
        return sum(version.is_new for version in self.versions)

    @property
    def is_complete(self) -> bool:
        """Whether all versions could be read, and all of their images."""
        return not self.left_out and all(skipped.kind != "damaged" for skipped in self.skipped)

    @classmethod
    def _of(cls, data: dict[str, Any]) -> MirReport:
        skipped = ({k: v for k, v in item.items() if k != "error"} for item in data["skipped"])
        return cls(
            media=data["media"],
            labels=data["labels"],
            datasets=tuple(MirDataset(**item) for item in data["datasets"]),
            versions=tuple(MirVersion._of(item) for item in data["versions"]),
            skipped=tuple(MirSkipped(**item) for item in skipped),
            classes=tuple(MirClass._of(item) for item in data["classes"]),
            models=tuple(MirModel._of(item) for item in data["models"]),
            images=data["images"],
            left_out=tuple(MirLeftOut(**item) for item in data["left_out"]),
            not_carried=tuple(MirNotCarried(**item) for item in data["not_carried"]),
        )


def _version(data: Any) -> Version | None:
    return None if data is None else Version._of(data)

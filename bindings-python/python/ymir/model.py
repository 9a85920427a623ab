"""Models: stages (checkpoints), their files and metrics."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ymir._pending import Operation
from ymir.errors import NotFoundError
from ymir.versions import Lineage, Version

if TYPE_CHECKING:
    from ymir.workspace import Workspace

__all__ = ["Model", "ModelFile", "Stage"]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of a model: its path, the SHA-256 of its bytes, and their number."""

    path: str
    blob: str
    size: int


@dataclass(frozen=True, slots=True)
class Stage:
    """A checkpoint: name, files, when it was saved, and its metrics."""

    name: str
    files: tuple[ModelFile, ...]
    timestamp: datetime
    metrics: Mapping[str, float]

    @classmethod
    def _of(cls, data: dict[str, Any]) -> Stage:
        return cls(
            name=data["name"],
            files=tuple(ModelFile(**file) for file in data["files"]),
            timestamp=datetime.fromtimestamp(data["timestamp"], timezone.utc),
            metrics=data["metrics"],
        )


class Model:
    """A version of a trained model."""

    __slots__ = ("_workspace", "attachments", "best_stage", "class_names", "lineage", "stages",
                 "version")  # fmt: skip

    version: Version
    """The version."""
    class_names: tuple[str, ...]
    """The classes that it knows, by name."""
    stages: tuple[Stage, ...]
    """Its checkpoints."""
    best_stage: str
    """The name of the stage that is used unless another is named."""
    attachments: tuple[ModelFile, ...]
    """Further files that the executor kept."""
    lineage: Lineage
    """What it was made by and from."""

    def __init__(self, workspace: Workspace, data: tuple[Any, Any, Any]) -> None:
        """Used by :meth:`ymir.Workspace.model`."""
        version, model, task = data
        self._workspace = workspace
        self.version = Version._of(version)
        self.class_names = tuple(model["class_names"])
        self.stages = tuple(Stage._of(stage) for stage in model["stages"])
        self.best_stage = model["best_stage"]
        self.attachments = tuple(ModelFile(**file) for file in model["attachments"])
        self.lineage = Lineage._of(task)

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.version.name

    @property
    def id(self) -> str:
        """The id of the version."""
        return self.version.id

    @property
    def metrics(self) -> Mapping[str, float]:
        """The metrics of the best stage."""
        return self.stage().metrics

    def stage(self, name: str | None = None) -> Stage:
        """Returns a stage, the best unless another is named.

        Raises:
            NotFoundError: If there is no such stage.
        """
        wanted = self.best_stage if name is None else name
        for stage in self.stages:
            if stage.name == wanted:
                return stage
        names = ", ".join(stage.name for stage in self.stages)
        message = f"the model has no such stage; it has: {names}"
        raise NotFoundError(message, context={"stage": wanted})

    def _export(
        self, destination: str | os.PathLike[str], stage: str | None
    ) -> Operation[list[Path]]:
        native = self._workspace._native
        pending = native.export_model(self.version.spec, os.fspath(destination), stage)
        return Operation(pending, lambda paths: [Path(path) for path in paths])

    def export(self, destination: str | os.PathLike[str], stage: str | None = None) -> list[Path]:
        """Writes the files of a stage, the best unless another is named; returns their paths.

        Raises:
            NotFoundError: If there is no such stage.
            AlreadyExistsError: If the folder has a file of the same name.
        """
        return self._export(destination, stage).wait()

    async def export_async(
        self, destination: str | os.PathLike[str], stage: str | None = None
    ) -> list[Path]:
        """As :meth:`export`."""
        return await self._export(destination, stage).wait_async()

    def __eq__(self, other: object) -> bool:
        """Returns whether this is the same version."""
        return isinstance(other, Model) and self.id == other.id

    def __hash__(self) -> int:
        """Returns the hash of the version's id."""
        return hash(self.id)

    def __reduce__(self) -> tuple[Any, ...]:
        """Returns how it is opened again."""
        return _opened_again, (self._workspace, self.version.spec)

    def __repr__(self) -> str:
        """Returns name, version, classes and the best stage."""
        classes = ", ".join(self.class_names)
        return f"<Model {self.version}: {classes}; best stage {self.best_stage!r}>"

    def _repr_html_(self) -> str:
        from ymir.display.model import model_html

        return model_html(self)


def _opened_again(workspace: Workspace, spec: str) -> Model:
    return workspace.model(spec)

"""What a project's loop has done: steps, iterations, definition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ymir.definition import Definition
from ymir.reports import LabelStatus
from ymir.versions import instant

if TYPE_CHECKING:
    from ymir.dataset import Dataset
    from ymir.model import Model
    from ymir.workspace import Workspace

__all__ = [
    "Advance",
    "EndReason",
    "FinishedStep",
    "Iteration",
    "LabelsMissing",
    "ProjectState",
    "StepName",
    "StepResult",
]

StepName: TypeAlias = Literal[
    "prepare_mining", "mine", "label", "prepare_training", "train", "evaluate"
]
"""The steps of an iteration, in their order."""

EndReason: TypeAlias = Literal["target_reached", "pool_exhausted", "budget_exhausted", "stopped"]
"""Why a project's loop ended."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a finished step made; the fields of its kind are set, versions by their ids.

    Attributes:
        step: The step.
        count: The number of assets of the dataset that it made.
        candidates: Of ``prepare_mining``: the pool without what was used.
        selected: Of ``mine``: the chosen assets.
        labeled: Of ``label``: the labeled assets.
        training: Of ``prepare_training``: the training set.
        model: Of ``train``: the model.
        predictions: Of ``mine`` and ``evaluate``: what the model said.
        metric: Of ``evaluate``: the average precision at IoU 0.5.
        metrics: Of ``evaluate``: all figures; those of a class as ``AP50/<class>``.
    """

    step: StepName
    count: int | None = None
    candidates: str | None = None
    selected: str | None = None
    labeled: str | None = None
    training: str | None = None
    model: str | None = None
    predictions: str | None = None
    metric: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])

    @classmethod
    def _of(cls, data: dict[str, Any]) -> StepResult:
        return cls(**data)


class Iteration:
    """One turn of the loop."""

    __slots__ = ("_workspace", "number", "project", "results", "started", "updated")

    number: int
    """Its number, counted from 1."""
    project: str
    """The name of the project."""
    started: datetime
    """When it began."""
    updated: datetime
    """When its last step so far was finished."""
    results: tuple[StepResult, ...]
    """The results of its finished steps, in their order."""

    def __init__(
        self,
        workspace: Workspace,
        project: str,
        number: int,
        started: datetime,
        updated: datetime,
        results: tuple[StepResult, ...],
    ) -> None:
        """Used by :meth:`ymir.Project.iterate`."""
        self._workspace = workspace
        self.project = project
        self.number = number
        self.started = started
        self.updated = updated
        self.results = results

    @classmethod
    def _of(cls, workspace: Workspace, project: str, data: dict[str, Any]) -> Iteration:
        results = tuple(StepResult._of(result) for result in data["results"])
        times = instant(data["started"]), instant(data["updated"])
        return cls(workspace, project, data["number"], *times, results)

    def result(self, step: StepName) -> StepResult | None:
        """Returns the result of a step, if it is finished."""
        return next((result for result in self.results if result.step == step), None)

    def _result(self, step: StepName) -> StepResult:
        return self.result(step) or StepResult(step)

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return self.result("evaluate") is not None

    @property
    def metric(self) -> float | None:
        """The average precision at IoU 0.5 on the validation set."""
        return self._result("evaluate").metric

    @property
    def metrics(self) -> Mapping[str, float]:
        """All figures of the evaluation by name; those of a class as ``AP50/<class>``."""
        return self._result("evaluate").metrics

    @property
    def labeled_count(self) -> int:
        """How many assets were labeled."""
        return self._result("label").count or 0

    @property
    def candidates(self) -> Dataset | None:
        """What was mined in."""
        return self._dataset(self._result("prepare_mining").candidates)

    @property
    def selected(self) -> Dataset | None:
        """The assets that were chosen."""
        return self._dataset(self._result("mine").selected)

    @property
    def pre_annotations(self) -> Dataset | None:
        """What the mining model said about the assets that were chosen."""
        return self._dataset(self._result("mine").predictions)

    @property
    def labeled(self) -> Dataset | None:
        """What came back from the labeler."""
        return self._dataset(self._result("label").labeled)

    @property
    def training(self) -> Dataset | None:
        """The training set."""
        return self._dataset(self._result("prepare_training").training)

    @property
    def model(self) -> Model | None:
        """The model."""
        id = self._result("train").model
        return None if id is None else self._workspace._model_by_id(id)

    @property
    def predictions(self) -> Dataset | None:
        """What the model said about the validation set."""
        return self._dataset(self._result("evaluate").predictions)

    def _dataset(self, id: str | None) -> Dataset | None:
        return None if id is None else self._workspace.dataset_by_id(id)

    def __repr__(self) -> str:
        """Returns project, number and metric."""
        metric = "not finished" if self.metric is None else f"AP50 {self.metric:.3f}"
        return f"<Iteration {self.number} of {self.project}: {metric}>"

    def _repr_html_(self) -> str:
        from ymir.display.project import iteration_html

        return iteration_html(self)


@dataclass(frozen=True, slots=True)
class FinishedStep:
    """A step that was finished, and the number of its iteration."""

    iteration: int
    result: StepResult


@dataclass(frozen=True, slots=True)
class LabelsMissing:
    """Labels that an iteration waits for, and how far the labeler is."""

    iteration: int
    status: LabelStatus

    @classmethod
    def _of(cls, data: dict[str, Any]) -> LabelsMissing:
        return cls(data["iteration"], LabelStatus(**data["status"]))


@dataclass(frozen=True, slots=True)
class Advance:
    """What one call of :meth:`ymir.Project.advance` did: one of the three."""

    finished: FinishedStep | None = None
    waiting: LabelsMissing | None = None
    ended: EndReason | None = None

    @classmethod
    def _of(cls, data: dict[str, Any]) -> Advance:
        if "finished" in data:
            done = data["finished"]
            return cls(finished=FinishedStep(done["iteration"], StepResult._of(done["result"])))
        if "waiting" in data:
            return cls(waiting=LabelsMissing._of(data["waiting"]))
        return cls(ended=data["ended"])


@dataclass(frozen=True, slots=True)
class ProjectState:
    """A project with all that it has done.

    Attributes:
        definition: The definition.
        iterations: The iterations so far; only the last may be unfinished.
        stopped: Whether the user ended the loop.
    """

    definition: Definition
    iterations: tuple[Iteration, ...]
    stopped: bool

    @classmethod
    def _of(cls, workspace: Workspace, data: dict[str, Any]) -> ProjectState:
        definition = Definition._of(data["project"])
        iterations = (
            Iteration._of(workspace, definition.name, item) for item in data["iterations"]
        )
        return cls(definition, tuple(iterations), data["stopped"])

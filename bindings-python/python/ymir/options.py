"""The options of long calls, as types: what editors complete and type checkers check."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from ymir.executors import Executor
    from ymir.labelers import Labeler
    from ymir.versions import Spec

__all__ = [
    "BlobLocation",
    "Folder",
    "Format",
    "InferOptions",
    "LabelOptions",
    "Limits",
    "MineOptions",
    "Oracle",
    "Resources",
    "TaskOptions",
    "TrainOptions",
    "UnknownClasses",
]

Format = Literal[
    "auto",
    "voc",
    "coco",
    "yolo",
    "darknet",
    "masks",
    "cvat",
    "labelme",
    "label-studio",
    "ark",
    "folders",
    "images",
]
"""An annotation format; ``"auto"`` is what a source is recognised as."""

UnknownClasses = Literal["stop", "ignore", "add", "keep"]
"""What happens to class names that the workspace does not have: fail, leave the annotations out,
add the classes, or keep the annotations under their names."""


@dataclass(frozen=True, slots=True)
class BlobLocation:
    """The object store with the images and models of a workspace, in place of its directory.

    The workspace remembers it. Credentials are not part of it: the environment is asked for them
    as AWS's own tools ask it (``AWS_ACCESS_KEY_ID`` and its like).

    Attributes:
        url: The bucket, which exists, and what the keys begin with: ``s3://bucket/prefix``.
        endpoint: The server, such as ``http://localhost:9000``; that of AWS by default.
        region: The region.
    """

    url: str
    endpoint: str | None = None
    region: str | None = None


class Resources(TypedDict, total=False):
    """What a task asks for: whole GPUs, CPU slots (0 for all), memory in bytes (0: no bound)."""

    gpus: int
    cpus: int
    memory: int


class Limits(TypedDict, total=False):
    """What an executor in a container may do; the default is strict."""

    network: bool
    capabilities: bool
    image_user: bool
    pids: int
    shared_memory: int
    model_bytes: int


class _TaskRequired(TypedDict):
    executor: str | Executor


class TaskOptions(_TaskRequired, total=False):
    """How an executor is run; the same for training, mining and inference.

    Keys:
        executor: A reference (``"docker:image"``, ``"local:/path"``, ``"host:name"``) or an
            object with methods among ``train``, ``mine`` and ``infer``.
        parameters: Parameters in place of the executor's defaults.
        seed: The seed of every random choice.
        resources: What the task asks for.
        limits: What the executor may do.
        priority: The higher, the sooner; 0 is usual.
        unknown_classes: What happens to predictions of a class that the workspace does not have.
        reuse: Whether a version that the same executor made of the same inputs is returned in
            place of running it again; yes by default. A task that is making it is joined.
        time_limit_s: Seconds that a run may take; it is stopped then, and the task fails.
        retry: When a failure is tried again, ``{"retries": 2, "backoff_s": 10}`` for example.
        units: The number of units that a mining or an inference is cut into.
        share: Whose share of the host the task uses; a project's tasks use the project's name.
    """

    parameters: Mapping[str, Any]
    seed: int
    resources: Resources
    limits: Limits
    priority: int
    unknown_classes: UnknownClasses
    reuse: bool
    time_limit_s: int | None
    retry: Mapping[str, int]
    units: int
    share: str


class _TrainRequired(TypedDict):
    classes: Sequence[str]
    training: Spec
    validation: Spec
    model: str


class TrainOptions(_TrainRequired, TaskOptions, total=False):
    """What :meth:`ymir.Workspace.train` is given, besides :class:`TaskOptions`.

    Keys:
        classes: The classes to learn, by name.
        training: The dataset to learn from.
        validation: The dataset that the executor scores itself on.
        model: The name that the model is committed under.
        pretrained: The model to start from.
        stage: Its stage, if not its best one.
    """

    pretrained: Spec | None
    stage: str | None


class _MineRequired(TypedDict):
    candidates: Spec
    model: Spec
    count: int
    selected: str


class MineOptions(_MineRequired, TaskOptions, total=False):
    """What :meth:`ymir.Workspace.mine` is given, besides :class:`TaskOptions`.

    Keys:
        candidates: The dataset to choose from.
        model: The model whose gain is looked for.
        count: How many assets to choose at most.
        selected: The dataset that the chosen assets are committed to.
        predictions: The prediction set for what the model says about them.
        stage: The stage of the model, if not its best one.
    """

    predictions: str | None
    stage: str | None


class _InferRequired(TypedDict):
    dataset: Spec
    model: Spec
    predictions: str


class InferOptions(_InferRequired, TaskOptions, total=False):
    """What :meth:`ymir.Workspace.infer` is given, besides :class:`TaskOptions`.

    Keys:
        dataset: The dataset to look at.
        model: The model.
        predictions: The name that the prediction set is committed under.
        stage: The stage of the model, if not its best one.
    """

    stage: str | None


@dataclass(frozen=True, slots=True)
class Oracle:
    """A labeler that answers from an annotated dataset that is held back."""

    truth: Spec


@dataclass(frozen=True, slots=True)
class Folder:
    """Labeling by people through a folder with images and a COCO file; its path is absolute."""

    path: str | os.PathLike[str]


class _LabelRequired(TypedDict):
    labeler: Labeler
    dataset: Spec
    classes: Sequence[str]
    labeled: str


class LabelOptions(_LabelRequired, total=False):
    """What :meth:`ymir.Workspace.label` is given.

    Keys:
        labeler: :class:`Oracle`, :class:`Folder`, an object of your own, or the name of one.
        dataset: The dataset whose assets are labeled.
        classes: The classes that the labeler may use.
        labeled: The dataset that what comes back is committed to.
        pre_annotations: The prediction set with what a model said about them.
        instructions: Instructions for people.
    """

    pre_annotations: Spec | None
    instructions: str

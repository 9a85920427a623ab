"""YMIR: the loop train, mine, label, train again for vision models, inside your program.

::

    import ymir

    with ymir.open("cells", create=True) as workspace:
        workspace.import_dataset("bccd", "pool", split="train", unknown_classes="add")
        project = workspace.get_or_create_project("cells", …)
        for iteration in project.iterate():
            print(iteration.number, iteration.metric)
"""

from __future__ import annotations

import os

from ymir._loading import Batch, Images, LoadedAsset, Loader
from ymir._operating import Comparison
from ymir._progress import OnProgress, Progress
from ymir._ymir import Annotation, ArrowTable, BBox, Flags, Record, __version__
from ymir.dataset import Change, Dataset, Page
from ymir.definition import Definition, ProjectChanges, ProjectOptions
from ymir.edits import Edit
from ymir.errors import (
    AlreadyExistsError,
    CancelledError,
    ConflictError,
    CorruptedError,
    ExecutorFailedError,
    InvalidInputError,
    NotFoundError,
    ResourceExhaustedError,
    TaskCancelled,
    TimeoutError,
    UnauthorizedError,
    UnavailableError,
    UnexpectedError,
    UnsupportedError,
    YmirError,
)
from ymir.events import Events, LogLine, LoopEvent, TaskEvent, TaskState, TaskStep
from ymir.executors import (
    Detection,
    Executor,
    ExecutorInfo,
    ExecutorTask,
    Functions,
    Infers,
    InferTask,
    Mines,
    MineTask,
    Sample,
    Trains,
    TrainTask,
)
from ymir.iteration import (
    Advance,
    EndReason,
    FinishedStep,
    Iteration,
    LabelsMissing,
    ProjectState,
    StepName,
    StepResult,
)
from ymir.label_job import LabelJob
from ymir.labelers import (
    LabelBackend,
    Labeler,
    LabelHandle,
    LabelItem,
    LabelJobRequest,
    LabelPage,
)
from ymir.mir import (
    MirClass,
    MirDataset,
    MirLeftOut,
    MirModel,
    MirNotCarried,
    MirReport,
    MirSkipped,
    MirVersion,
)
from ymir.model import Model, ModelFile, Stage
from ymir.options import (
    BlobLocation,
    Folder,
    Format,
    InferOptions,
    LabelOptions,
    Limits,
    MineOptions,
    Oracle,
    Resources,
    TaskOptions,
    TrainOptions,
    UnknownClasses,
)
from ymir.outcomes import Outcomes
from ymir.project import Iterations, Project
from ymir.reports import (
    CaseMatch,
    ClassEvaluation,
    Dropped,
    Duplicate,
    EditReport,
    Evaluation,
    ExportReport,
    FsckReport,
    GarbageReport,
    ImportReport,
    LabelStatus,
    Lost,
    Problem,
    Renamed,
    Skipped,
    UnknownClass,
)
from ymir.samples import write_samples, write_samples_async
from ymir.selection import Selection
from ymir.task import CleanReport, HostLease, Leftover, Task, TaskStatus
from ymir.versions import (
    ClassCount,
    Kind,
    Lineage,
    Manifest,
    ObjectType,
    PredictionInfo,
    Spec,
    Summary,
    Version,
    WorkspaceClass,
)
from ymir.workspace import Workspace

__all__ = [
    "Advance",
    "AlreadyExistsError",
    "Annotation",
    "ArrowTable",
    "BBox",
    "Batch",
    "BlobLocation",
    "CancelledError",
    "CaseMatch",
    "Change",
    "ClassCount",
    "ClassEvaluation",
    "CleanReport",
    "Comparison",
    "ConflictError",
    "CorruptedError",
    "Dataset",
    "Definition",
    "Detection",
    "Dropped",
    "Duplicate",
    "Edit",
    "EditReport",
    "EndReason",
    "Evaluation",
    "Events",
    "Executor",
    "ExecutorFailedError",
    "ExecutorInfo",
    "ExecutorTask",
    "ExportReport",
    "FinishedStep",
    "Flags",
    "Folder",
    "Format",
    "FsckReport",
    "Functions",
    "GarbageReport",
    "HostLease",
    "Images",
    "ImportReport",
    "InferOptions",
    "InferTask",
    "Infers",
    "InvalidInputError",
    "Iteration",
    "Iterations",
    "Kind",
    "LabelBackend",
    "LabelHandle",
    "LabelItem",
    "LabelJob",
    "LabelJobRequest",
    "LabelOptions",
    "LabelPage",
    "LabelStatus",
    "Labeler",
    "LabelsMissing",
    "Leftover",
    "Limits",
    "Lineage",
    "LoadedAsset",
    "Loader",
    "LogLine",
    "LoopEvent",
    "Lost",
    "Manifest",
    "MineOptions",
    "MineTask",
    "Mines",
    "MirClass",
    "MirDataset",
    "MirLeftOut",
    "MirModel",
    "MirNotCarried",
    "MirReport",
    "MirSkipped",
    "MirVersion",
    "Model",
    "ModelFile",
    "NotFoundError",
    "ObjectType",
    "OnProgress",
    "Oracle",
    "Outcomes",
    "Page",
    "PredictionInfo",
    "Problem",
    "Progress",
    "Project",
    "ProjectChanges",
    "ProjectOptions",
    "ProjectState",
    "Record",
    "Renamed",
    "ResourceExhaustedError",
    "Resources",
    "Sample",
    "Selection",
    "Skipped",
    "Spec",
    "Stage",
    "StepName",
    "StepResult",
    "Summary",
    "Task",
    "TaskCancelled",
    "TaskEvent",
    "TaskOptions",
    "TaskState",
    "TaskStatus",
    "TaskStep",
    "TimeoutError",
    "TrainOptions",
    "TrainTask",
    "Trains",
    "UnauthorizedError",
    "UnavailableError",
    "UnexpectedError",
    "UnknownClass",
    "UnknownClasses",
    "UnsupportedError",
    "Version",
    "Workspace",
    "WorkspaceClass",
    "YmirError",
    "__version__",
    "init",
    "init_async",
    "open",
    "open_async",
    "write_samples",
    "write_samples_async",
]


def open(
    root: str | os.PathLike[str],
    *,
    create: bool = False,
    cpus: int | None = None,
    blobs: BlobLocation | None = None,
    host_dir: str | os.PathLike[str] | None = None,
    observe_tasks: bool = False,
) -> Workspace:
    """Opens the workspace in a directory, as :meth:`Workspace.open`."""
    return Workspace.open(
        root,
        create=create,
        cpus=cpus,
        blobs=blobs,
        host_dir=host_dir,
        observe_tasks=observe_tasks,
    )


async def open_async(
    root: str | os.PathLike[str],
    *,
    create: bool = False,
    cpus: int | None = None,
    blobs: BlobLocation | None = None,
    host_dir: str | os.PathLike[str] | None = None,
    observe_tasks: bool = False,
) -> Workspace:
    """Opens the workspace in a directory, as :meth:`Workspace.open`."""
    return await Workspace.open_async(
        root,
        create=create,
        cpus=cpus,
        blobs=blobs,
        host_dir=host_dir,
        observe_tasks=observe_tasks,
    )


def init(root: str | os.PathLike[str], *, blobs: BlobLocation | None = None) -> Workspace:
    """Makes a workspace in a directory, as :meth:`Workspace.init`."""
    return Workspace.init(root, blobs=blobs)


async def init_async(
    root: str | os.PathLike[str], *, blobs: BlobLocation | None = None
) -> Workspace:
    """Makes a workspace in a directory, as :meth:`Workspace.init`."""
    return await Workspace.init_async(root, blobs=blobs)

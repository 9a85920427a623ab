"""Python objects as executors: they train, mine and infer in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from ymir._checks import instance
from ymir._threads import running
from ymir._ymir import Annotation, BBox
from ymir.errors import CancelledError, InvalidInputError, TaskCancelled

if TYPE_CHECKING:
    from ymir import _ymir
    from ymir.versions import ObjectType

__all__ = [
    "Detection",
    "Executor",
    "ExecutorInfo",
    "ExecutorTask",
    "Functions",
    "InferTask",
    "Infers",
    "MineTask",
    "Mines",
    "Sample",
    "TrainTask",
    "Trains",
]

TmiKind: TypeAlias = Literal["training", "mining", "inference"]
_METHODS: dict[TmiKind, str] = {"training": "train", "mining": "mine", "inference": "infer"}


class Trains(Protocol):
    """An executor that trains."""

    @property
    def train(self) -> Callable[[Any], object]:
        """Trains on ``task.training`` and saves one stage at least: ``task.save_stage(…)``."""
        ...


class Infers(Protocol):
    """An executor that predicts."""

    @property
    def infer(self) -> Callable[[Any], object]:
        """Looks at ``task.candidates`` with ``task.model_files``: ``task.predict(…)`` for each."""
        ...


class Mines(Protocol):
    """An executor that tells which images teach most."""

    @property
    def mine(self) -> Callable[[Any], object]:
        """Gives each of ``task.candidates`` a score: ``task.score(…)``."""
        ...


@dataclass(frozen=True)
class Functions:
    """An executor of functions, those that there are; attributes as of :data:`ymir.Executor`."""

    name: str
    train: Callable[[TrainTask], object] | None = None
    infer: Callable[[InferTask], object] | None = None
    mine: Callable[[MineTask], object] | None = None
    version: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])


Executor: TypeAlias = "Trains | Infers | Mines | Functions"
"""An object with methods among ``train(task)``, ``infer(task)`` and ``mine(task)``, each of which
may be ``async``; which there are says what it can do. Without ``mine``, YMIR scores by what
``infer`` says.

When the interpreter ends, :class:`ymir.TaskCancelled` is thrown into what still runs. It has two
seconds to clean up; the process does not wait longer.

Attributes that are looked for:
    name: What it is registered under; the name of its class by default.
    object_types: What it learns and finds; ``("detection",)`` by default.
    version: A text. Results of equal work with an equal version are found again in place of being
        computed again. Without it nothing is found again: each use of the object is a new one.
    parameters: Default parameters: one mapping for all kinds of task, or one for each of
        ``"training"``, ``"mining"`` and ``"inference"``.
"""


class Sample:
    """One image that an executor or labeler is given."""

    __slots__ = ("path", "record")

    path: Path
    """The file, for reading only."""
    record: _ymir.Record
    """What is known of the image."""

    def __init__(self, path: Path, record: _ymir.Record) -> None:
        """Used by :class:`ExecutorTask`."""
        self.path = path
        self.record = record

    @property
    def id(self) -> str:
        """The id of the asset."""
        return self.record.id

    @property
    def width(self) -> int:
        """The width in pixels."""
        return self.record.width

    @property
    def height(self) -> int:
        """The height in pixels."""
        return self.record.height

    @property
    def file_name(self) -> str:
        """The name of the file when it was imported."""
        return self.record.file_name

    @property
    def annotations(self) -> tuple[Annotation, ...]:
        """The ground truth; for a labeler, what a model said; empty for candidates."""
        return self.record.annotations

    def __repr__(self) -> str:
        """Returns name, size and number of annotations."""
        count = len(self.annotations)
        return f"<Sample {self.file_name!r} {self.width}x{self.height}, {count} annotations>"


@dataclass(frozen=True, slots=True)
class Detection:
    """What an executor found on an image.

    Attributes:
        class_name: The class.
        bbox: The box: a :class:`ymir.BBox`, or its four numbers ``x, y, w, h`` in pixels.
        score: The confidence, 0 to 1.
        rotate_angle: The rotation around the centre in radians.
    """

    class_name: str
    bbox: BBox | Sequence[float]
    score: float
    rotate_angle: float | None = None


class ExecutorTask:
    """What an executor is given: its samples, its parameters, and where its results go.

    Once the task is cancelled, ``progress``, ``log``, ``predict`` and ``score`` raise
    :class:`ymir.TaskCancelled`; code that calls none of them gets it thrown in after half a second.
    """

    __slots__ = ("_native", "_sets")

    def __init__(self, native: _ymir.ExecutorTask) -> None:
        """Used by YMIR."""
        self._native = native
        self._sets: dict[str, list[Sample]] = {}

    @property
    def id(self) -> str:
        """The id of the task."""
        return self._native.id

    @property
    def class_names(self) -> list[str]:
        """The classes, in their order."""
        return self._native.class_names

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters: the defaults, and in place of them what the caller said."""
        return self._native.parameters

    @property
    def gpus(self) -> list[str]:
        """The GPUs that the task may use, by their UUID."""
        return self._native.gpus

    @property
    def model_dir(self) -> Path:
        """Where model files are written to."""
        return self._native.model_dir

    @property
    def model_files(self) -> list[Path]:
        """The files of the model to use, or to start from."""
        return self._native.model_files

    @property
    def cancelled(self) -> bool:
        """Whether the task is to end."""
        return self._native.cancelled

    def progress(self, fraction: float, message: str = "") -> None:
        """Tells how much is done, 0 to 1."""
        with _stopping():
            self._native.progress(fraction, message)

    def log(self, text: str) -> None:
        """Writes to the log of the task."""
        with _stopping():
            self._native.log("stdout", text)

    def _samples(self, name: Literal["training", "validation", "candidates"]) -> list[Sample]:
        if name not in self._sets:
            self._sets[name] = [Sample(*pair) for pair in self._native.samples(name)]
        return self._sets[name]


class TrainTask(ExecutorTask):
    """What :meth:`Trains.train` is given."""

    __slots__ = ()

    @property
    def training(self) -> list[Sample]:
        """What a training learns from."""
        return self._samples("training")

    @property
    def validation(self) -> list[Sample]:
        """What a training scores itself on."""
        return self._samples("validation")

    def save_stage(
        self,
        name: str,
        files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        best: bool = False,
        metrics: Mapping[str, float] | None = None,
        **more_metrics: float,
    ) -> None:
        """Saves a checkpoint.

        Args:
            name: Its name, ``"epoch_50"`` for example; one that exists is replaced.
            files: Its files, or the only one: relative to :attr:`model_dir`, or absolute. They
                are copied.
            best: Whether it is the best so far; else the highest ``mAP`` tells.
            metrics: Metrics by name; ``mAP`` is 0 to 1.
            more_metrics: Metrics too: ``save_stage("last", files=["w.bin"], mAP=0.7)``.
        """
        several = [files] if isinstance(files, (str, os.PathLike)) else files
        paths = [os.fspath(file) for file in several]
        figures = {key: float(value) for key, value in {**(metrics or {}), **more_metrics}.items()}
        self._native.save_stage(name, paths, figures, best)


class InferTask(ExecutorTask):
    """What :meth:`Infers.infer` is given."""

    __slots__ = ()

    @property
    def candidates(self) -> list[Sample]:
        """What is looked at."""
        return self._samples("candidates")

    def predict(
        self, sample: Sample | str, found: Iterable[Detection | Annotation | Mapping[str, Any]]
    ) -> None:
        """Says what is on an image: nothing, for an empty list.

        Args:
            sample: The image, or its id.
            found: Detections, annotations with scores, or dicts with their fields. All that an
                annotation says is kept: shape, keypoints, quality, marks and attributes, too.
        """
        with _stopping():
            self._native.predict(_id(sample), [_annotation(one) for one in found])


class MineTask(ExecutorTask):
    """What :meth:`Mines.mine` is given."""

    __slots__ = ()

    @property
    def candidates(self) -> list[Sample]:
        """What is chosen from."""
        return self._samples("candidates")

    def score(self, sample: Sample | str, value: float) -> None:
        """Says how much a label of an image would teach: the higher, the more."""
        with _stopping():
            self._native.score(_id(sample), float(value))


def _annotation(
    found: Detection | Annotation | Mapping[str, Any],
) -> Annotation | Mapping[str, Any]:
    if not isinstance(found, Detection):
        return found
    return Annotation(
        found.class_name, found.bbox, score=found.score, rotate_angle=found.rotate_angle
    )


def _id(sample: Sample | str) -> str:
    return sample if isinstance(sample, str) else sample.id


@contextmanager
def _stopping() -> Generator[None, None, None]:
    try:
        yield
    except CancelledError as error:
        raise TaskCancelled(str(error)) from None


_TASKS: dict[TmiKind, type[ExecutorTask]] = {
    "training": TrainTask,
    "mining": MineTask,
    "inference": InferTask,
}


class ExecutorInfo:
    """What an executor says about itself.

    Attributes:
        digest: The identity of what it does.
        object_types: What it learns and finds: ``"detection"`` and so on.
        parameters: The default parameters of each kind of task that it can do.
    """

    __slots__ = ("digest", "object_types", "parameters")

    def __init__(self, data: tuple[str, list[ObjectType], dict[TmiKind, dict[str, Any]]]) -> None:
        """Used by :meth:`ymir.Workspace.inspect`."""
        self.digest: str = data[0]
        self.object_types: tuple[ObjectType, ...] = tuple(data[1])
        self.parameters: Mapping[TmiKind, Mapping[str, Any]] = data[2]

    def __repr__(self) -> str:
        """Returns what it can do."""
        return f"<ExecutorInfo {', '.join(self.parameters)} [{self.digest}]>"


def name_of(executor: object) -> str:
    """Returns the name that an object is registered under."""
    name = getattr(executor, "name", None)
    return name if isinstance(name, str) else type(executor).__name__


def describe(executor: object, name: str) -> tuple[str, list[str], dict[TmiKind, dict[str, Any]]]:
    """Returns digest, object types and default parameters of an executor."""
    instance(executor, "executor")
    able: list[TmiKind] = [
        kind for kind, method in _METHODS.items() if callable(getattr(executor, method, None))
    ]
    if not able and callable(executor):
        called = getattr(executor, "__name__", "train")
        example = f"ymir.Functions({called!r}, train={called})"
        message = f"a function is no executor by itself; say what it does: {example}"
        raise InvalidInputError(message, context={"field": "executor"})
    if not able:
        raise TypeError(
            f"{type(executor).__name__} is no executor: it needs a method train(task), infer(task)"
            " or mine(task); or name one: 'docker:image', 'local:/path/to/program'"
        )
    given: Mapping[str, Any] = getattr(executor, "parameters", None) or {}
    nested = bool(given) and set(given) <= set(_METHODS)
    templates: dict[TmiKind, dict[str, Any]] = {
        kind: dict(given.get(kind, {}) if nested else given) for kind in able
    }
    version = getattr(executor, "version", None)
    # Without a version nobody knows whether the code is still the same.
    identity = os.urandom(16).hex() if version is None else version
    object_types = getattr(executor, "object_types", None) or ("detection",)
    return f"python {name} {identity}", list(object_types), templates


def same(known: object, executor: object) -> bool:
    """Returns whether an executor does the same as one before, or has a name of its own choice."""
    if known is executor or isinstance(getattr(executor, "name", None), str):
        return True
    version = getattr(executor, "version", None)
    return version is not None and version == getattr(known, "version", None)


class Runner:
    """Runs an executor: what the native module calls, on a thread of its own."""

    def __init__(self, executor: object) -> None:
        """Keeps the executor."""
        self._executor = executor

    def __call__(self, native: _ymir.ExecutorTask) -> None:
        """Does what a task asks for; what is raised ends it as failed."""
        with running():
            try:
                for kind in native.kinds:
                    self._call(getattr(self._executor, _METHODS[kind]), _TASKS[kind](native))
            except TaskCancelled:
                raise
            except BaseException as error:
                _log_traceback(native, error)
                raise

    def _call(self, method: Callable[[ExecutorTask], Any], task: ExecutorTask) -> None:
        result = method(task)
        if hasattr(result, "__await__"):
            import asyncio

            asyncio.run(_awaited(result, task))


async def _awaited(work: Any, task: ExecutorTask) -> None:
    import asyncio

    future = asyncio.ensure_future(work)
    asked = False
    while not future.done():
        await asyncio.wait({future}, timeout=0.1)
        if task.cancelled and not asked:
            asked = future.cancel()
    if future.cancelled():
        raise TaskCancelled("the task is to end")
    future.result()


def _log_traceback(native: _ymir.ExecutorTask, error: BaseException) -> None:
    import traceback

    # The frames of this module say nothing to the author of the executor.
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    shown = traceback.format_exception(type(error), error, frames or error.__traceback__)
    for line in "".join(shown).splitlines():
        try:
            native.log("stderr", line)
        except CancelledError:
            # It is written nevertheless.
            continue

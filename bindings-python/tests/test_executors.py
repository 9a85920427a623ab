from __future__ import annotations

import asyncio
import threading
import time
import warnings
from typing import Any

import data
import pytest
import ymir
from data import CLASSES, Memorizer, train


def test_a_python_object_trains_infers_and_is_evaluated(filled: ymir.Workspace) -> None:
    events: list[ymir.TaskEvent] = []
    task = train(filled, Memorizer())
    model = task.wait(on_event=events.append)
    assert str(model.version) == "m@v1"
    assert model.class_names == tuple(CLASSES)
    assert model.metrics == {"mAP": 0.5}
    assert [stage.name for stage in model.stages] == ["last"]
    assert {event.kind for event in events} == {"state", "step", "progress", "log"}
    assert [line.text for line in task.log() if line.source == "stdout"] == [
        "epoch 1 of 2",
        "epoch 2 of 2",
    ]
    status = task.status()
    assert status is not None
    assert status.state == "done"
    assert status.output == (model.id,)
    said = filled.start_infer(
        executor=Memorizer(), dataset="val", model=model, predictions="said"
    ).wait()
    assert said.is_predictions
    assert said.manifest.prediction == ymir.PredictionInfo(model.id, filled.dataset("val").id)
    assert [known.name for known in said.manifest.classes] == CLASSES
    assert filled.dataset_by_id(said.id) == said
    assert task.versions() == [model.version]
    assert said[0].annotations[0].score == 0.9
    evaluation = filled.evaluate("val", said)
    assert evaluation.ap50 is not None
    assert evaluation.ap50 > 0.2
    assert set(evaluation.classes) == set(CLASSES)
    assert len(evaluation.coco) == 12
    chosen = filled.start_mine(
        executor=Memorizer(), candidates="pool", model=model, count=3, selected="chosen"
    ).wait()
    assert len(chosen) == 3
    assert [status.kind for status in filled.tasks()] == ["mine", "infer", "train"]
    assert filled.inspect(Memorizer()).parameters["training"]["epochs"] == 2


def test_equal_versions_are_found_again(filled: ymir.Workspace) -> None:
    first = train(filled, Memorizer()).wait()
    again = train(filled, Memorizer())
    assert again.id is None
    assert again.wait() == first
    assert again.log() == []
    assert again.status() is None

    class Unversioned(Memorizer):
        version = None  # type: ignore[assignment]
        name = "unversioned"

    executor = Unversioned()
    mine = train(filled, executor).wait()
    executor.parameters = {"epochs": 3}
    task = train(filled, executor)
    assert task.wait() != mine
    assert "epoch 3 of 3" in [line.text for line in task.log()]


def test_an_executor_that_takes_the_place_of_another_is_told(filled: ymir.Workspace) -> None:
    class Unversioned(Memorizer):
        version = None  # type: ignore[assignment]

    class Named(Unversioned):
        name = "named"

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = Unversioned(), Unversioned()
        tasks = [train(filled, first), train(filled, first, "again")]
        train(filled, Named()).wait()
        train(filled, Named()).wait()
        train(filled, Memorizer()).wait()
        train(filled, Memorizer()).wait()
        assert all(task.wait() for task in tasks)
    with pytest.warns(UserWarning, match="'host:Unversioned'; give it an attribute") as told:
        [train(filled, executor).wait() for executor in (second, first)]
    assert [warning.filename for warning in told] == [data.__file__]


def test_functions_are_an_executor(filled: ymir.Workspace) -> None:
    class Other(Memorizer):
        pass

    learn = ymir.Functions("learn", train=Other().train, parameters={"epochs": 1})
    task = train(filled, learn)
    assert task.wait().metrics == {"mAP": 0.5}
    assert "epoch 1 of 1" in [line.text for line in task.log()]
    with pytest.raises(ymir.UnsupportedError):
        filled.start_infer(executor=learn, dataset="val", model="m", predictions="said")


def test_model_files_come_out(filled: ymir.Workspace, tmp_path) -> None:
    model = train(filled, Memorizer()).wait()
    (path,) = model.export(tmp_path / "model")
    assert path.name == "boxes.txt"
    assert "disc" in path.read_text()
    with pytest.raises(LookupError, match="no such stage"):
        model.export(tmp_path / "model", stage="first")


def test_an_exception_fails_the_task_with_its_traceback(filled: ymir.Workspace) -> None:
    class Broken:
        def train(self, task: ymir.TrainTask) -> None:
            self.helper()

        def helper(self) -> None:
            raise ValueError("the loss is not a number")

    task = train(filled, Broken())
    with pytest.raises(ymir.ExecutorFailedError, match="ValueError: the loss is not a number"):
        task.wait()
    log = [line.text for line in task.log() if line.source == "stderr"]
    assert log[0] == "Traceback (most recent call last):"
    assert "test_executors.py" in log[1]
    assert any("in helper" in line for line in log)
    assert log[-1] == "ValueError: the loss is not a number"
    assert not any("executors.py" in line for line in log if "test_" not in line)
    status = task.status()
    assert status is not None
    assert status.state == "failed"
    assert isinstance(status.error, ymir.ExecutorFailedError)


def test_an_async_executor(filled: ymir.Workspace) -> None:
    class Async(Memorizer):
        name = "asynchronous"

        async def train(self, task: ymir.TrainTask) -> None:  # type: ignore[override]
            await asyncio.sleep(0.01)
            Memorizer.train(self, task)

    assert train(filled, Async()).wait().metrics == {"mAP": 0.5}


def test_wrong_use_is_told(filled: ymir.Workspace) -> None:
    class Nothing:
        pass

    class Sloppy(Memorizer):
        name = "sloppy"

        def train(self, task: ymir.TrainTask) -> None:
            pass

    with pytest.raises(TypeError, match="Nothing is no executor"):
        train(filled, Nothing())  # type: ignore[arg-type]
    with pytest.raises(ymir.InvalidInputError, match=r"pass an instance: Sloppy\(\)"):
        train(filled, Sloppy)  # type: ignore[arg-type]
    with pytest.raises(ymir.InvalidInputError, match=r"ymir\.Functions\('train', train=train\)"):
        train(filled, train)  # type: ignore[arg-type]
    with pytest.raises(ymir.ExecutorFailedError, match="save_stage"):
        train(filled, Sloppy()).wait()

    class Unscored(Memorizer):
        name = "unscored"

        def infer(self, task: ymir.InferTask) -> None:
            task.predict(task.candidates[0], [ymir.Annotation("disc", (0, 0, 5, 5))])

    model = train(filled, Memorizer()).wait()
    with pytest.raises(ymir.YmirError, match="needs a score"):
        filled.start_infer(executor=Unscored(), dataset="val", model=model, predictions="p").wait()


class Outliner(Memorizer):
    """Says all that an annotation can say."""

    def __init__(self, **fields: Any) -> None:
        given: dict[str, Any] = {
            "score": 0.5,
            "rotate_angle": 0.25,
            "quality": 0.75,
            "flags": ymir.Flags(occluded=True),
            "attributes": {"colour": "red"},
            "shape": {"polygons": [[[0.1, 0], [4, 0], [4, 4]]]},
            "keypoints": [{"x": 1.5, "y": 2.0, "visibility": "visible"}],
        }
        self.name = "-".join(["outliner", *fields])
        self.said = ymir.Annotation("disc", (0, 0, 5, 5), **(given | fields))

    def infer(self, task: ymir.InferTask) -> None:
        for sample in task.candidates:
            task.predict(sample, [self.said])


def test_all_of_a_prediction_is_kept(filled: ymir.Workspace) -> None:
    model = train(filled, Memorizer()).wait()

    def said(executor: Outliner) -> ymir.Dataset:
        task = filled.start_infer(executor=executor, dataset="val", model=model, predictions="said")
        return task.wait()

    outliner = Outliner()
    kept = said(outliner)
    assert len(kept) == len(filled.dataset("val"))
    for record in kept:
        assert record.annotations == (outliner.said,)
    for fields, message in [
        ({"quality": float("nan")}, "quality of an annotation must be a finite"),
        ({"rotate_angle": float("inf")}, "rotate_angle must be finite"),
        ({"shape": {"mask": {"size": [2, 2], "counts": [4]}}}, "size of its image"),
    ]:
        with pytest.raises(ymir.YmirError, match=message):
            said(Outliner(**fields))


class Sleeper:
    """Trains until it is interrupted."""

    def __init__(self, polite: bool) -> None:
        self.name = f"sleeper-{polite}"
        self.polite = polite
        self.began = threading.Event()
        self.raised: BaseException | None = None

    def train(self, task: ymir.TrainTask) -> None:
        try:
            self.began.set()
            while True:
                time.sleep(0.01)
                if self.polite:
                    task.progress(0.5)
        except BaseException as error:
            self.raised = error
            raise


@pytest.mark.parametrize("polite", [True, False])
def test_cancel(filled: ymir.Workspace, polite: bool) -> None:
    sleeper = Sleeper(polite)
    task = train(filled, sleeper)
    assert sleeper.began.wait(30)
    task.cancel()
    with pytest.raises(ymir.CancelledError):
        task.wait()
    assert isinstance(sleeper.raised, ymir.TaskCancelled)
    status = task.status()
    assert status is not None
    assert status.state == "terminated"


def test_cancel_of_an_async_executor(filled: ymir.Workspace) -> None:
    class Waits:
        def __init__(self) -> None:
            self.began = threading.Event()

        async def train(self, task: ymir.TrainTask) -> None:
            self.began.set()
            await asyncio.Event().wait()

    executor = Waits()
    task = train(filled, executor)
    assert executor.began.wait(30)
    task.cancel()
    with pytest.raises(ymir.CancelledError):
        task.wait()


def test_cancelling_a_wait_leaves_the_task(filled: ymir.Workspace) -> None:
    async def main() -> None:
        sleeper = Sleeper(polite=True)
        task = await filled.start_train_async(
            executor=sleeper, classes=CLASSES, training="pool", validation="val", model="m"
        )
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(task.wait_async(), 0.3)
        status = await task.status_async()
        assert status is not None
        assert status.state == "running"
        await task.cancel_async()
        kinds = [event.state async for event in task.events() if event.state]
        assert kinds[-1] == "terminated"

    asyncio.run(main())


def test_memory_that_is_out_is_told_as_that(filled: ymir.Workspace) -> None:
    class OutOfMemoryError(RuntimeError):
        """As `torch.cuda.OutOfMemoryError`."""

    class Big:
        def __init__(self, error: Exception) -> None:
            self.error = error

        def train(self, task: ymir.TrainTask) -> None:
            raise self.error

    for error in (MemoryError(), OutOfMemoryError("CUDA out of memory")):
        with pytest.raises(ymir.ResourceExhaustedError, match=type(error).__name__):
            train(filled, ymir.Functions(type(error).__name__, train=Big(error).train)).wait()

"""What a typed program does with the package; mypy and pyright check it in strict mode."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import ymir

if TYPE_CHECKING:
    from typing_extensions import assert_type


class Detector:
    """An executor."""

    def train(self, task: ymir.TrainTask) -> None:
        for sample in task.training:
            path: Path = sample.path
            path.stat()
        task.save_stage("last", files=[task.model_dir / "weights"], mAP=0.5)

    async def infer(self, task: ymir.InferTask) -> None:
        for sample in task.candidates:
            task.predict(sample, [ymir.Detection("cat", (0, 0, 1, 1), 0.5)])


class Labels:
    """A label backend."""

    def create(self, request: ymir.LabelJobRequest) -> None:
        print(request.class_names)

    async def status(self, handle: ymir.LabelHandle) -> ymir.LabelStatus:
        return ymir.LabelStatus(total=1, labeled=1, finished=True)

    def annotations(
        self, handle: ymir.LabelHandle, after: str | None, limit: int
    ) -> list[dict[str, object]]:
        return [{"id": handle.job, "annotations": list[ymir.Annotation]()}]

    def cancel(self, handle: ymir.LabelHandle) -> None:
        return


def main() -> None:
    with ymir.open(Path("w"), create=True) as workspace:
        assert_type(workspace, ymir.Workspace)
        report = workspace.import_dataset("voc", "pool", progress=lambda p: print(p.done))
        assert_type(report.imported, int)
        pool = workspace.dataset(report.version)
        assert_type(pool[0], ymir.Record)
        assert_type(pool[1:3], list[ymir.Record])
        for record in pool:
            for annotation in record.annotations:
                x, _, _, _ = annotation.bbox
                assert_type(x, float)
        task = workspace.start_train(
            executor=Detector(), classes=["cat"], training=pool, validation="val", model="m"
        )
        assert_type(task, ymir.Task[ymir.Model])
        model = task.wait()
        said = workspace.start_infer(
            executor="docker:image", dataset=pool, model=model, predictions="said", seed=1
        ).wait()
        assert_type(workspace.evaluate(pool, said).ap50, float | None)
        outcomes = workspace.outcomes(pool, said, iou_threshold=0.7, min_score=0.5)
        assert_type(outcomes.ids("outcome:fn", limit=3), list[str])
        assert_type(outcomes.page("outcome:fp").records[0], ymir.Record)
        project = workspace.create_project(
            "p",
            classes=["cat"],
            pool=pool,
            validation="val",
            executor=Detector(),
            labeler=Labels(),
            target=0.8,
        )
        for iteration in project.iterate(progress=True):
            assert_type(iteration, ymir.Iteration)
        end = project.run(wait=False)
        if isinstance(end, ymir.LabelsMissing):
            print(end.status.labeled)
        elif end == "stopped" or end.endswith("exhausted") or end == "target_reached":
            print(end)
        change = pool.diff(said)[0]
        assert_type(change.record, ymir.Record)
        table = pool.to_arrow()
        assert_type(table, ymir.ArrowTable)
        fused = workspace.fuse([pool, "val@v1"], "all", query="class:cat", rate=0.5)
        assert_type(fused.dedup("few").copy_to(workspace, "copy"), ymir.Dataset)
        assert_type(pool.near_duplicates(distance=3), list[list[str]])
        assert_type(workspace.import_mir(Path("repo")).versions[0].version, ymir.Version)
        loader = pool.loader(images="bytes", epoch=1)
        for batch in loader:
            assert_type(batch.assets[0].data, bytes | None)


async def main_async() -> None:
    workspace = await ymir.open_async("w")
    pool = await workspace.dataset_async("pool")
    async for record in pool:
        assert_type(record, ymir.Record)
    project = await workspace.project_async("p")
    async for iteration in project.iterate():
        assert_type(iteration.metric, float | None)
    task = await workspace.start_mine_async(
        executor=Detector(), candidates=pool, model="m", count=3, selected="chosen"
    )
    assert_type(await task.wait_async(), ymir.Dataset)
    async for event in task.events():
        assert_type(event, ymir.TaskEvent)
    try:
        await workspace.model_async("m")
    except ymir.NotFoundError as error:
        assert_type(error.context, dict[str, str])

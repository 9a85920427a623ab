// The declarations as a program uses them: compiled under --strict, never run.
import {
  Dataset,
  Iteration,
  Loader,
  Model,
  Outcomes,
  Project,
  Selection,
  Task,
  Workspace,
  YmirError,
} from "ymir";
import type {
  AssetRecord,
  Change,
  Comparison,
  ErrorCode,
  Executor,
  ExecutorTask,
  LabelBackend,
  Labeled,
  LabelJobRequest,
  LoopEvent,
  TaskEvent,
} from "ymir";

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Equal<A, B>): void {}

class Trainer implements Executor {
  readonly version = "1";
  readonly parameters = { training: { epochs: 3, layers: [1, 2], nested: { a: null } } };

  async train(task: ExecutorTask): Promise<void> {
    for (const { path, annotations, width } of task.training) {
      const sides: number[] = annotations.map(({ bbox }) => bbox.w / width);
      task.log(`${path} ${sides.join()}`);
    }
    task.progress(0.5);
    await fetch("http://localhost", { signal: task.signal });
    await task.saveStage("last", { files: ["m"], metrics: { mAP: 0.5 } });
  }

  infer(task: ExecutorTask): void {
    const bbox = { x: 0, y: 0, w: 1, h: 1 };
    for (const sample of task.candidates) {
      task.predict(sample, [{ className: "cat", bbox, score: 0.5 }]);
      // @ts-expect-error: a detection has a score
      task.predict(sample, [{ className: "cat", bbox }]);
    }
  }
}

const backend: LabelBackend = {
  name: "mine",
  create: async (request: LabelJobRequest) => void request.items.length,
  status: () => ({ total: 1, labeled: 1, finished: true }),
  annotations: async (): Promise<Labeled[]> => [{ id: "x", annotations: [] }],
  cancel: () => undefined,
};

// @ts-expect-error: a label backend has four methods
export const half: LabelBackend = { create: () => undefined };

export async function use(signal: AbortSignal): Promise<void> {
  await using workspace = await Workspace.open("path", { create: true });
  const report = await workspace.importDataset(new URL("file:///voc"), "pool", {
    unknownClasses: "add",
    onProgress: ({ done, total }) => console.log(done / total),
    signal,
  });
  same<typeof report.imported, number>(true);
  // @ts-expect-error: no such strategy
  await workspace.importDataset("voc", "pool", { unknownClasses: "drop" });
  // @ts-expect-error: no such option
  await workspace.importDataset("voc", "pool", { unknown_classes: "add" });

  const pool = await workspace.dataset("pool@v1");
  same<typeof pool, Dataset>(true);
  same<ReturnType<typeof pool.getSync>, AssetRecord | null>(true);
  // @ts-expect-error: it may not be there
  pool.getSync("id").width;
  // @ts-expect-error: records do not change
  pool.pageSync().records[0]!.annotations[0]!.bbox.x = 3;
  for await (const record of pool) same<typeof record, AssetRecord>(true);
  for await (const record of pool.records({ className: "cat", signal })) record.fileName.at(0);
  const changes: Change[] = await pool.diff(await workspace.dataset(pool.version));
  for (const change of changes) {
    if (change.kind === "changed") change.before.annotations.length;
    else change.record.annotations.length;
    // @ts-expect-error: only some changes have it
    change.after;
  }
  // @ts-expect-error: no such strategy
  await pool.merge(pool, "both", { strategy: "both" });
  const parts = await pool.split({ parts: [{ name: "learn", fraction: 0.8 }], seed: 1, signal });
  same<typeof parts, Dataset[]>(true);
  // @ts-expect-error: a part needs its share
  await pool.split({ parts: [{ name: "learn" }] });
  await pool.relabel({ cat: "animal", dog: null }, "animals", {
    onProgress: ({ done, total }) => console.log(done / total),
  });
  const small = pool.query("area<0.01");
  same<typeof small, Selection>(true);
  for await (const record of small) same<typeof record, AssetRecord>(true);
  same<Awaited<ReturnType<typeof small.ids>>, string[]>(true);
  const { added }: Comparison = await pool.compare(await pool.filter("all", "all", { signal }));
  added.classes["cat"]?.assets.toFixed();
  const fused = await workspace.fuse([pool, "other@v1"], "all", { query: "class:cat", rate: 0.5 });
  same<typeof fused, Dataset>(true);
  same<Awaited<ReturnType<typeof fused.nearDuplicates>>, string[][]>(true);
  const copy = await (await fused.dedup("few", { distance: 0 })).copyTo(workspace, "copy");
  const loader = await copy.loader({ images: "rgb", shard: 1, shards: 2, signal });
  same<typeof loader, Loader>(true);
  for await (const { assets } of loader) assets[0]?.pixels?.data.byteLength;
  // @ts-expect-error: no such images
  await copy.loader({ images: "jpeg" });
  // @ts-expect-error: of this library's own use
  workspace.handle();
  const { versions } = await workspace.importMir("repo", { media: new URL("file:///media") });
  versions[0]?.predictions?.name.at(0);
  await pool.export("out", { format: "voc", transfer: "hard_link" });
  // @ts-expect-error: nothing is exported without its annotations
  await pool.export("out", { format: "images" });
  const bytes: Uint8Array = await pool.toArrow();
  bytes.byteLength;

  const training = await workspace.startTrain({
    executor: new Trainer(),
    classes: ["cat"],
    training: pool,
    validation: "validation",
    model: "m",
    resources: { gpus: 1 },
    signal,
  });
  same<typeof training, Task<Model>>(true);
  // @ts-expect-error: a training needs its name
  await workspace.startTrain({ executor: "e", classes: [], training: pool, validation: pool });
  for await (const event of training.events({ after: 3, signal })) {
    same<typeof event, TaskEvent>(true);
    if (event.type === "progress") event.fraction.toFixed();
    // @ts-expect-error: only some events have it
    event.fraction;
  }
  const model = await training.wait({ signal });
  same<typeof model, Model>(true);
  const said = await (
    await workspace.startInfer({ executor: "host:Trainer", dataset: pool, model, predictions: "p" })
  ).wait();
  const { ap50, classes } = await workspace.evaluate(pool, said, { classes: ["cat"] });
  same<typeof ap50, number | null>(true);
  classes["cat"]?.ap?.toFixed(2);
  const outcomes = await workspace.outcomes(pool, said, { iouThreshold: 0.7, minScore: 0.5 });
  same<typeof outcomes, Outcomes>(true);
  same<Awaited<ReturnType<typeof outcomes.ids>>, string[]>(true);
  const marked = await outcomes.page("outcome:fn and class:cat", { limit: 3, signal });
  marked.records[0]?.annotations[0]?.attributes["outcome"]?.at(0);
  // @ts-expect-error: no such option
  await workspace.outcomes(pool, said, { iou: 0.7 });

  const project = await workspace.createProject("p", {
    classes: ["cat"],
    pool,
    validation: said.version,
    executor: new Trainer(),
    labeler: backend,
    target: 0.9,
    maxIterations: null,
  });
  same<typeof project, Project>(true);
  await project.update({ target: null, labeler: { folder: { path: "/labels" } } });
  // @ts-expect-error: no such field
  await project.update({ goal: 0.9 });
  for await (const it of project.iterate({ wait: false, signal })) {
    same<typeof it, Iteration>(true);
    it.result("evaluate")?.metric.toFixed(2);
    // @ts-expect-error: only an evaluation has it
    it.result("train")?.metric;
    if (it.model !== null) await workspace.model(it.model);
  }
  const reason = await project.run({
    onEvent: (event: LoopEvent) => {
      if (event.type === "task" && event.event.type === "log") console.log(event.event.text);
    },
  });
  if (reason === "target_reached") console.log("done");
  // @ts-expect-error: no such reason
  if (reason === "tired") console.log("done");

  try {
    await workspace.label({ labeler: backend, dataset: pool, classes: ["cat"], labeled: "l" });
  } catch (error) {
    if (!(error instanceof YmirError)) throw error;
    same<typeof error.code, ErrorCode>(true);
    error.context["path"]?.length;
    // @ts-expect-error: no such code
    if (error.code === "gone") return;
  }
}

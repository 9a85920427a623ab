import assert from "node:assert/strict";
import { before, test } from "node:test";

import { CLASSES, MeanBox, rejection, workspaceWithData } from "./support.mjs";

let workspace;
before(async () => {
  ({ workspace } = await workspaceWithData({ pool: 20 }));
});

const definition = (more = {}) => ({
  classes: CLASSES,
  pool: "pool",
  validation: "validation",
  executor: new MeanBox(),
  labeler: { oracle: { truth: "pool" } },
  labelsPerIteration: 4,
  maxIterations: 2,
  ...more,
});

test("iterations are yielded as they are finished, with what they made", async () => {
  const project = await workspace.createProject("loop", definition());
  const events = [];
  const numbers = [];
  for await (const it of project.iterate({ onEvent: (event) => events.push(event) })) {
    numbers.push(it.number);
    // Everything that happened before is heard before.
    assert.equal(events.at(-1).type, "finished");
    assert.equal(events.at(-1).result.step, "evaluate");
    assert.ok(it.metric >= 0 && it.metric <= 1);
    assert.equal(it.metrics.AP50, it.metric);
    assert.ok(it.started instanceof Date && it.updated >= it.started);
    assert.equal((await workspace.dataset(it.selected)).length, 4);
    assert.equal((await workspace.dataset(it.labeled)).length, it.labeledCount);
    assert.equal((await workspace.dataset(it.training)).length, 4 * it.number);
    assert.deepEqual((await workspace.model(it.model)).classNames, CLASSES);
    assert.equal((await workspace.predictions(it.predictions)).length, 4);
    assert.equal((await workspace.dataset(it.candidates)).length, 24 - 4 * it.number);
    assert.equal(it.preAnnotations === null, it.number === 1);
    assert.equal(it.results.length, 6);
    assert.equal(it.isFinished, true);
    assert.equal(it.project, "loop");
    assert.equal(it.result("label").count, it.labeledCount);
  }
  assert.deepEqual(numbers, [1, 2]);
  const tasks = events.filter(({ type }) => type === "task").map(({ event }) => event);
  assert.ok(tasks.some(({ type, text }) => type === "log" && text === "trained"));
  assert.deepEqual(await workspace.names("project"), ["loop"]);
});

test("near-duplicates are left out of the pool where that is asked for", async () => {
  const project = await workspace.createProject("apart", definition({ skipNearDuplicates: 0 }));
  const told = [];
  const onEvent = (event) => event.type === "preparing" && told.push(event.progress);
  await project.advance({ onEvent });
  assert.equal(told[0].done, 0);
  assert.ok(told.at(-1).total >= 20);
  assert.equal(told.at(-1).done, told.at(-1).total);
  assert.equal((await project.state()).definition.skipNearDuplicates, 0);
  const error = await rejection(project.update({ skipNearDuplicates: 17 }));
  assert.equal(error.code, "invalid_input");
});

test("the state has the definition with specs; changes are taken up", async () => {
  const project = await workspace.createProject(
    "changing",
    definition({ trainingParameters: { camelCase_kept: 1 }, limits: { imageUser: true } }),
  );
  const { definition: made, iterations, stopped } = await project.state();
  assert.equal(made.pool, `pool@${(await workspace.dataset("pool")).id}`);
  assert.equal(made.executor, "host:MeanBox");
  assert.equal(made.labelsPerIteration, 4);
  assert.deepEqual(made.trainingParameters, { camelCase_kept: 1 });
  assert.equal(made.limits.imageUser, true);
  assert.deepEqual(made.labeler, { oracle: { truth: made.pool } });
  assert.deepEqual(iterations, []);
  assert.equal(stopped, false);
  const { definition: changed } = await project.update({
    maxIterations: null,
    labelBudget: 4,
    labeler: { oracle: { truth: await workspace.dataset("pool") } },
  });
  assert.equal(changed.maxIterations, null);
  assert.equal(changed.labelBudget, 4);
  assert.deepEqual(await project.advance(), {
    finished: {
      iteration: 1,
      result: {
        step: "prepare_mining",
        candidates: (await project.state()).iterations[0].results[0].candidates,
        count: 20,
      },
    },
  });
  assert.equal(await project.run(), "budget_exhausted");
  await project.stop();
  assert.equal(await project.run(), "stopped");
});

test("leaving the loop leaves the project; it goes on where it was", async () => {
  const project = await workspace.createProject("left", definition());
  for await (const it of project.iterate()) {
    assert.equal(it.number, 1);
    break;
  }
  const again = await workspace.project("left");
  const rest = again.iterate();
  assert.equal((await rest.next()).value.number, 2);
  assert.deepEqual(await rest.next(), { done: true, value: { ended: "budget_exhausted" } });
});

test("aborting stops the step that runs; going on does it anew", async () => {
  const executor = new MeanBox();
  const { train } = MeanBox.prototype;
  let attempts = 0;
  const controller = new AbortController();
  let signal;
  executor.train = async function (task) {
    if (attempts++ > 0) return train.call(this, task);
    signal = task.signal;
    controller.abort(new Error("leave it"));
    await new Promise((_, reject) => task.signal.addEventListener("abort", reject));
  };
  const project = await workspace.createProject("aborted", definition({ executor }));
  const error = await rejection(project.run({ signal: controller.signal }));
  assert.equal(error.code, "cancelled");
  assert.equal(error.cause.message, "leave it");
  for (let i = 0; i < 100 && !signal.aborted; i++) await new Promise((r) => setTimeout(r, 20));
  assert.equal(signal.aborted, true);
  assert.equal(await project.run(), "budget_exhausted");
  assert.equal(attempts, 3);
});

test("an executor that fails ends the loop with its error", async () => {
  const executor = Object.assign(new MeanBox(), { name: "fails" });
  executor.infer = () => Promise.reject(new Error("no infer today"));
  const project = await workspace.createProject("failing", definition({ executor }));
  const error = await rejection(project.run());
  assert.equal(error.code, "executor_failed");
  assert.match(error.message, /no infer today/);
});

test("without waiting, the loop says where labels are missing", async () => {
  const slow = {
    name: "slow",
    create() {},
    status: () => ({ total: 4, labeled: 1, finished: false }),
    annotations: () => [],
    cancel() {},
  };
  const project = await workspace.createProject("slow", definition({ labeler: slow }));
  const result = await project.iterate({ wait: false }).next();
  assert.equal(result.done, true);
  assert.deepEqual(result.value, {
    waiting: { iteration: 1, status: { total: 4, labeled: 1, skipped: 0, finished: false } },
  });
  assert.deepEqual(Object.keys(await project.advance({ wait: false })), ["waiting"]);
});

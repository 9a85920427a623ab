import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";

import { Model, YmirError } from "ymir";

import { CLASSES, MeanBox, folder, rejection, workspaceWithData } from "./support.mjs";

let workspace;
before(async () => {
  ({ workspace } = await workspaceWithData());
});

let models = 0;
function training(executor, more = {}) {
  const model = `m${models++}`;
  return { executor, classes: CLASSES, training: "pool", validation: "validation", model, ...more };
}

async function trained(executor = new MeanBox()) {
  return (await workspace.startTrain(training(executor))).wait();
}

test("an object trains, infers and mines", async () => {
  const executor = new MeanBox();
  const task = await workspace.startTrain(training(executor, { model: "mean" }));
  const model = await task.wait();
  assert.ok(model instanceof Model);
  assert.deepEqual(model.metrics, { mAP: 0.25, loss: 3 });
  assert.equal(model.bestStage, "last");
  assert.equal(model.lineage.executor, "host:MeanBox");
  assert.deepEqual(model.classNames, CLASSES);
  const [file] = await model.export(join(folder(), "model"));
  assert.equal(JSON.parse(readFileSync(file, "utf8")).length, 2);

  const inference = await workspace.startInfer({
    executor,
    dataset: "validation",
    model,
    predictions: "said",
  });
  const said = await inference.wait();
  assert.equal(said.length, 4);
  assert.equal(said.isPredictions, true);
  assert.equal(said.objectType, "detection");
  assert.equal(said.summary.annotations, 8);
  assert.deepEqual(said.manifest.prediction, {
    model: model.id,
    dataset: (await workspace.dataset("validation")).id,
  });
  const evaluation = await workspace.evaluate("validation", said);
  assert.ok(evaluation.ap50 >= 0 && evaluation.ap50 <= 1);
  assert.deepEqual(Object.keys(evaluation.classes).sort(), ["blue", "red"]);
  assert.equal(evaluation.classes.red.groundTruths, 2);
  assert.equal(evaluation.coco.ap50, evaluation.ap50);
  assert.equal(Object.keys(evaluation.coco).length, 12);
  assert.ok(Object.values(evaluation.coco).every((figure) => figure !== undefined));
  assert.equal(evaluation.images, 4);
  assert.equal(evaluation.predictionsOutside, 0);

  const mining = await workspace.startMine({
    executor,
    candidates: "pool",
    model,
    count: 3,
    selected: "chosen",
    predictions: "chosen",
  });
  assert.equal((await mining.wait()).length, 3);
  assert.deepEqual(
    (await mining.versions()).map(({ kind }) => kind),
    ["dataset", "prediction"],
  );
  assert.deepEqual(executor.calls, ["train", "infer", "infer", "mine"]);
});

test("what it is given", async () => {
  let seen;
  const executor = {
    name: "looks",
    parameters: { training: { epochs: 3, rate: 0.1 } },
    async train(task) {
      seen = task;
      writeFileSync(join(task.modelDir, "weights"), "w");
      await task.saveStage("a", { files: ["weights"], best: true });
      await task.saveStage("b", { files: [join(task.modelDir, "weights")] });
    },
  };
  const info = await workspace.inspect(executor);
  assert.deepEqual(Object.keys(info.templates), ["training"]);
  const task = await workspace.startTrain(training(executor, { parameters: { rate: 0.5 } }));
  const model = await task.wait();
  assert.deepEqual(model.stages.map(({ name }) => name).sort(), ["a", "b"]);
  assert.equal(model.bestStage, "a");
  assert.equal(model.stage(), model.stage("a"));
  assert.throws(() => model.stage("c"), { code: "not_found", message: /it has: .*b/ });
  assert.equal(seen.id, task.id);
  assert.equal(seen.training.length, 12);
  assert.equal(seen.validation.length, 4);
  assert.equal(seen.candidates.length, 0);
  assert.equal(seen.parameters.epochs, 3);
  assert.equal(seen.parameters.rate, 0.5);
  assert.deepEqual(seen.classNames, CLASSES);
  const [sample] = seen.training;
  assert.ok(existsSync(sample.path) || (await workspace.imagePath(sample.id)));
  assert.equal(sample.width, 40);
  assert.ok(CLASSES.includes(sample.annotations[0].className));
  assert.equal(seen.signal.aborted, false);
  assert.throws(() => seen.progress(1), { code: "cancelled" });
});

test("progress, log and states are events of the task", async () => {
  const task = await workspace.startTrain(training(new MeanBox()));
  const events = [];
  for await (const event of task.events()) events.push(event);
  const of = (type) => events.filter((event) => event.type === type);
  assert.equal(of("state").at(-1).state, "done");
  assert.ok(of("log").some(({ source, text }) => source === "stdout" && text === "trained"));
  assert.ok(events.every(({ task: id }) => id === task.id));
  assert.ok((await task.log()).some(({ text }) => text === "trained"));
  const status = await task.status();
  assert.equal(status.state, "done");
  assert.equal(status.kind, "train");
  assert.ok(status.finished instanceof Date);
  assert.equal(task.kind, "train");
  const found = await workspace.task(task.id);
  assert.deepEqual([found.id, found.kind], [task.id, "train"]);
  assert.ok((await found.wait()) instanceof Model);
  assert.ok((await workspace.tasks()).some(({ id }) => id === task.id));
});

test("a rejection fails the task; its stack is in the log", async () => {
  class Broken {
    async train() {
      await sleep(1);
      throw new RangeError("epoch out of range", { cause: new Error("deep inside") });
    }
  }
  const task = await workspace.startTrain(training(new Broken()));
  const error = await rejection(task.wait());
  assert.ok(error instanceof YmirError);
  assert.equal(error.code, "executor_failed");
  assert.match(error.message, /RangeError: epoch out of range/);
  const lines = (await task.log()).filter(({ source }) => source === "stderr");
  assert.equal(lines[0].text, "RangeError: epoch out of range");
  assert.match(lines[1].text, /Broken\.train .*executor\.test\.mjs/);
  assert.ok(lines.some(({ text }) => text.includes("deep inside")));
  const status = await task.status();
  assert.equal(status.state, "failed");
  assert.equal(status.error.code, "executor_failed");
});

test("a throw at once, and of what is no error, fail the task too", async () => {
  const executor = {
    name: "throws",
    train() {
      throw "a text";
    },
  };
  const error = await rejection((await workspace.startTrain(training(executor))).wait());
  assert.match(error.message, /a text/);
  const unshown = { [inspect.custom]: () => Promise.reject.call() };
  const circle = new Error("round");
  circle.cause = new Error("and round", { cause: circle });
  for (const [thrown, says] of [
    [circle, /round/],
    [{ status: 500 }, /\{ status: 500 \}/],
    [Object.create(null), /null prototype/],
    [undefined, /undefined/],
    [unshown, /cannot be shown/],
  ]) {
    const rejects = { name: "rejects", train: () => Promise.reject(thrown) };
    const task = await workspace.startTrain(training(rejects));
    const odd = await rejection(task.wait());
    assert.equal(odd.code, "executor_failed");
    assert.match(odd.context.message, says);
    assert.ok(
      (await task.log()).some(({ source, text }) => source === "stderr" && says.test(text)),
    );
  }
  const nothing = { name: "nothing", train() {} };
  const without = await rejection((await workspace.startTrain(training(nothing))).wait());
  assert.match(without.message, /no stage/);
});

test("the context of an error of ours goes with it, the exit code too", async () => {
  const context = { exit_code: "7", device: "0" };
  const executor = {
    name: "exits",
    train: () => Promise.reject(new YmirError("no gpu", { kind: "ResourceExhausted", context })),
  };
  const task = await workspace.startTrain(training(executor));
  const error = await rejection(task.wait());
  assert.equal(error.code, "resource_exhausted");
  assert.equal(error.context.exit_code, "7");
  assert.equal(error.context.message, "no gpu (exit_code: 7, device: 0)");
  assert.equal((await task.status()).error.context.exit_code, "7");
});

test("all of a prediction is kept", async () => {
  const found = {
    className: "red",
    bbox: { x: 1, y: 2, w: 3, h: 4 },
    score: 0.5,
    rotateAngle: 0.25,
    quality: 0.75,
    flags: { difficult: false, truncated: false, occluded: true, crowd: false },
    attributes: { colour: "red" },
    shape: {
      polygons: [
        [
          [0.5, 0],
          [4, 0],
          [4, 4],
        ],
      ],
    },
    keypoints: [{ x: 1.5, y: 2, visibility: "hidden" }],
  };
  const executor = {
    name: "outliner",
    infer: (task) => task.candidates.forEach((sample) => task.predict(sample, [found])),
  };
  const options = { executor, dataset: "validation", model: await trained() };
  const said = await (await workspace.startInfer({ ...options, predictions: "outlined" })).wait();
  assert.equal(said.summary.annotations, said.length);
  for await (const record of said.records()) {
    const [{ classId, ...kept }] = record.annotations;
    assert.deepEqual(kept, found);
  }
});

test("bad results are refused where they are given", async () => {
  const errors = [];
  const attempt = async (call) => errors.push(await rejection((async () => call())()));
  const executor = {
    name: "careless",
    async infer(task) {
      const [sample] = task.candidates;
      const bbox = { x: 0, y: 0, w: 1, h: 1 };
      const found = { className: "red", bbox, score: 0.5 };
      await attempt(() => task.predict("no id", []));
      await attempt(() => task.predict(sample, [{ className: "red", bbox, score: 2 }]));
      await attempt(() => task.predict(sample, [{ className: "red", bbox, score: NaN }]));
      await attempt(() => task.predict(sample, [{ ...found, quality: NaN }]));
      await attempt(() => task.predict(sample, [{ ...found, rotateAngle: Infinity }]));
      await attempt(() => task.predict(sample, [{ ...found, shape: "round" }]));
      await attempt(() => task.score(sample, Infinity));
      await attempt(() => task.progress(NaN));
      await attempt(() => task.saveStage("s", { files: ["missing"] }));
      task.predict(sample, []);
    },
  };
  const model = await trained();
  const options = { executor, dataset: "validation", model, predictions: "careless" };
  assert.equal((await (await workspace.startInfer(options)).wait()).summary.annotations, 0);
  assert.deepEqual(
    errors.map(({ code }) => code),
    [...Array(8).fill("invalid_input"), "not_found"],
  );
});

function waiting(name, onStart) {
  return {
    name,
    async train(task) {
      onStart(task);
      await new Promise((_, reject) => {
        task.signal.addEventListener("abort", () => reject(task.signal.reason));
      });
    },
  };
}

test("cancelling fires the task's signal and ends the task", async () => {
  let started;
  const start = new Promise((resolve) => (started = resolve));
  const task = await workspace.startTrain(training(waiting("waits", started)));
  const given = await start;
  assert.equal(given.cancelled, false);
  await task.cancel();
  const error = await rejection(task.wait());
  assert.equal(error.code, "cancelled");
  assert.equal(given.cancelled, true);
  assert.equal(given.signal.aborted, true);
  assert.equal(given.signal.reason.code, "cancelled");
  assert.throws(() => given.log("late"), { code: "cancelled" });
  assert.equal((await task.status()).state, "terminated");
});

test("the signal of a task cancels it; that of waiting does not", async () => {
  let started;
  const start = new Promise((resolve) => (started = resolve));
  const controller = new AbortController();
  const options = training(waiting("waits-too", started), { signal: controller.signal });
  const task = await workspace.startTrain(options);
  await start;
  const impatient = await rejection(task.wait({ signal: AbortSignal.timeout(10) }));
  assert.equal(impatient.code, "cancelled");
  assert.equal(impatient.cause.name, "TimeoutError");
  assert.equal((await task.status()).state, "running");
  const reason = new Error("no longer wanted");
  controller.abort(reason);
  const error = await rejection(task.wait());
  assert.equal(error.code, "cancelled");
  assert.equal(error.cause, reason);
  assert.equal((await task.status()).state, "terminated");
  assert.equal((await rejection(workspace.startTrain(options))).cause, reason);
});

test("an executor that does not heed its signal is given up", async () => {
  let started, end;
  const start = new Promise((resolve) => (started = resolve));
  const deaf = {
    name: "deaf",
    train(task) {
      started(task);
      return new Promise((resolve) => (end = resolve));
    },
  };
  const task = await workspace.startTrain(training(deaf));
  const given = await start;
  await task.cancel();
  assert.equal((await rejection(task.wait())).code, "cancelled");
  assert.ok((await task.log()).some(({ text }) => text.includes("given up")));
  const file = join(folder(), "late.json");
  writeFileSync(file, "{}");
  await assert.rejects(given.saveStage("late", { files: [file] }), { code: "cancelled" });
  end();
});

test("equal work of an equal version is found again", async () => {
  const executor = Object.assign(new MeanBox(), { name: "versioned", version: "1" });
  const options = training(executor, { model: "versioned" });
  const first = await (await workspace.startTrain(options)).wait();
  const other = Object.assign(new MeanBox(), { name: "versioned", version: "1" });
  const again = await workspace.startTrain({ ...options, executor: other });
  assert.equal(again.id, null);
  assert.equal(await again.status(), null);
  assert.equal((await again.wait()).id, first.id);
  assert.deepEqual(other.calls, []);
  const anew = await workspace.startTrain({ ...options, reuse: false });
  assert.notEqual(anew.id, null);
  await anew.wait();
});

test("without a version it is another one each time that it is given", async () => {
  const executor = Object.assign(new MeanBox(), { name: "unversioned" });
  const options = training(executor, { model: "unversioned" });
  await (await workspace.startTrain(options)).wait();
  assert.equal((await workspace.startTrain({ ...options, executor: "host:unversioned" })).id, null);
  const { digest } = await workspace.inspect(executor);
  assert.equal((await workspace.inspect(executor)).digest, digest);
  executor.parameters = { epochs: 5 };
  assert.equal((await workspace.inspect(executor)).templates.training.epochs, 5);
  const anew = await workspace.startTrain(options);
  assert.notEqual(anew.id, null);
  await anew.wait();
  assert.notEqual((await workspace.inspect(executor)).digest, digest);
});

test("another object of a class replaces the earlier one, with one warning", async () => {
  const warnings = [];
  const onWarning = ({ name, message }) => warnings.push([name, message]);
  process.on("warning", onWarning);
  class Twin extends MeanBox {}
  const [first, second] = [new Twin(), new Twin()];
  for (const executor of [first, first, second, first, second]) await trained(executor);
  await trained("host:Twin");
  class Same extends MeanBox {
    version = "1";
  }
  for (const executor of [new Same(), new Same()]) workspace.registerExecutor(executor);
  const named = () => Object.assign(new MeanBox(), { name: "named-twin" });
  for (const executor of [named(), named()]) workspace.registerExecutor(executor);
  await sleep(1);
  process.off("warning", onWarning);
  assert.deepEqual([first.calls.length, second.calls.length], [3, 3]);
  assert.equal(warnings.length, 1);
  assert.equal(warnings[0][0], "YmirWarning");
  assert.match(warnings[0][1], /replaces .* for projects that use host:Twin; give it a `name`/);
});

test("an executor needs a name and something to do", async () => {
  const nameless = await rejection(workspace.startTrain(training({ train() {} })));
  assert.equal(nameless.code, "invalid_input");
  assert.match(nameless.message, /name/);
  for (const thing of [MeanBox, () => undefined, undefined, null, 5]) {
    const error = await rejection(workspace.startTrain(training(thing)));
    assert.equal(error.code, "invalid_input");
    assert.match(error.message, /^an executor is an object with train\/infer\/mine, not /);
    assert.equal(error.message.includes("new X()"), typeof thing === "function");
    assert.throws(() => workspace.registerExecutor(thing, "named"), { code: "invalid_input" });
  }
  const idle = await rejection(workspace.startTrain(training({ name: "idle" })));
  assert.equal(idle.code, "invalid_input");
  assert.equal(workspace.registerExecutor({ train() {} }, "named"), "host:named");
  const model = await trained();
  const cannot = { executor: "host:named", dataset: "pool", model, predictions: "p" };
  const refused = (async () => (await workspace.startInfer(cannot)).wait())();
  assert.equal((await rejection(refused)).code, "unsupported");
});

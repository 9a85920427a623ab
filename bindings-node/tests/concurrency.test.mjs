import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";

import { Workspace } from "ymir";

import { CLASSES, folder, MeanBox, workspaceWithData, writeVoc } from "./support.mjs";

test("the event loop goes on while Rust imports", async () => {
  const root = folder();
  writeVoc(join(root, "voc"), 600);
  const workspace = await Workspace.init(join(root, "workspace"));
  let turns = 0;
  const timer = setInterval(() => {
    turns++;
  }, 1);
  const begin = performance.now();
  const options = { unknownClasses: "add" };
  const report = await workspace.importDataset(join(root, "voc"), "pool", options);
  const took = performance.now() - begin;
  clearInterval(timer);
  assert.equal(report.imported, 600);
  assert.ok(turns > took / 20, `${turns} turns in ${took} ms`);
});

test("a hundred calls at once", async () => {
  const { workspace } = await workspaceWithData();
  const pool = await workspace.dataset("pool");
  const { records } = await pool.page();
  const calls = Array.from({ length: 100 }, (_, i) => {
    const record = records[i % records.length];
    return i % 2 ? pool.get(record.id) : pool.page({ offset: i % records.length, limit: 1 });
  });
  const results = await Promise.all(calls);
  results.forEach((result, i) => {
    const { id } = i % 2 ? result : result.records[0];
    assert.equal(id, records[i % records.length].id);
  });
});

test("two writers of one branch both succeed", async () => {
  const { workspace, root } = await workspaceWithData();
  for (const i of [0, 1]) writeVoc(join(root, `more${i}`), 3, 2000 + 3 * i);
  const other = await Workspace.open(workspace.root);
  await Promise.all(
    [workspace, other].map((one, i) =>
      one.importDataset(join(root, `more${i}`), "pool", { append: true }),
    ),
  );
  assert.equal((await workspace.dataset("pool")).length, 18);
});

const WORKER = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { Workspace } = require("ymir");
  (async () => {
    const workspace = await Workspace.open(workerData.root);
    const pool = await workspace.dataset("pool");
    let found = 0;
    for await (const { id } of pool) found += pool.getSync(id) === null ? 0 : 1;
    const executor = {
      name: "w" + workerData.i,
      async train(task) {
        require("node:fs").writeFileSync(task.modelDir + "/m", "m");
        await task.saveStage("s", { files: ["m"] });
      },
    };
    const task = await workspace.startTrain({
      executor, classes: ["red"], training: "pool", validation: "pool", model: executor.name,
    });
    const model = await task.wait();
    parentPort.postMessage([found, model.name]);
  })();
`;

test("several workers load the addon, read and run executors", async () => {
  const { workspace } = await workspaceWithData();
  const ask = (i) =>
    new Promise((resolve, reject) => {
      const workerData = { root: workspace.root, i };
      const options = { eval: true, workerData, env: { ...process.env } };
      const worker = new Worker(WORKER, options);
      worker.on("message", (answer) => (worker.answer = answer));
      worker.on("error", reject);
      worker.on("exit", (code) => resolve([code, worker.answer]));
    });
  const answers = await Promise.all([0, 1, 2].map(ask));
  assert.deepEqual(
    answers,
    [0, 1, 2].map((i) => [0, [12, `w${i}`]]),
  );
  // The addon goes on in this thread after the workers have ended.
  assert.equal((await (await workspace.dataset("pool")).page()).total, 12);
});

test("a worker can be terminated while it works", async () => {
  const { workspace } = await workspaceWithData();
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    const { Workspace } = require("ymir");
    Workspace.open(workerData).then(async (workspace) => {
      const executor = {
        name: "endless",
        train: () => (parentPort.postMessage("runs"), new Promise(() => setInterval(() => 0, 9))),
      };
      await workspace.startTrain({
        executor, classes: ["red"], training: "pool", validation: "pool", model: "endless",
      });
      for await (const event of workspace.events({ after: 1e9 })) event;
    });
  `;
  const worker = new Worker(source, { eval: true, workerData: workspace.root });
  await new Promise((resolve, reject) => worker.on("message", resolve).on("error", reject));
  await worker.terminate();
  assert.equal((await workspace.dataset("pool")).length, 12);
});

const run = promisify(execFile);
const script = (source, ...args) =>
  run(process.execPath, ["--input-type=module", "-e", source, ...args], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    timeout: 20_000,
  });

test("an open workspace with executors does not keep a program alive", async () => {
  const { workspace } = await workspaceWithData();
  const { stdout } = await script(
    `import { Workspace } from "ymir";
     const workspace = await Workspace.open(process.argv[1]);
     workspace.registerExecutor({ name: "e", train() {} });
     const events = workspace.events({ after: 1e9 });
     console.log("end");`,
    workspace.root,
  );
  assert.equal(stdout, "end\n");
});

test("a task that runs does, until it has ended", async () => {
  const { workspace } = await workspaceWithData();
  await script(
    `import { Workspace } from "ymir";
     import { MeanBox } from "./tests/support.mjs";
     const workspace = await Workspace.open(process.argv[1]);
     const executor = new MeanBox();
     const classes = ["red"];
     const [training, validation, model] = ["pool", "pool", "kept"];
     await workspace.startTrain({ executor, classes, training, validation, model });`,
    workspace.root,
  );
  assert.equal((await workspace.model("kept")).name, "kept");
});

test("events of two listeners, one of which leaves", async () => {
  const { workspace } = await workspaceWithData();
  const executor = new MeanBox();
  const seen = [];
  const listening = (async () => {
    for await (const event of workspace.events()) {
      seen.push(event.seq);
      if (event.type === "state" && event.state === "done") break;
    }
  })();
  const options = { executor, classes: CLASSES, training: "pool", validation: "pool" };
  const task = await workspace.startTrain({ ...options, model: "m" });
  for await (const event of task.events()) {
    assert.equal(event.task, task.id);
    break;
  }
  await Promise.all([task.wait(), listening]);
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
  const later = [];
  for await (const event of task.events({ after: seen[1] })) later.push(event.seq);
  assert.deepEqual(later, seen.slice(2));
});

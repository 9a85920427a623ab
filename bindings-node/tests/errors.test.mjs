import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";

import { Workspace, YmirError } from "ymir";

import { folder, rejection, workspaceWithData, writeVoc } from "./support.mjs";

let root, workspace, pool;
before(async () => {
  ({ root, workspace } = await workspaceWithData());
  pool = await workspace.dataset("pool");
});

function caught(run) {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("it did not throw");
}

test("an error has a kind, a code, a context and the stack of its caller", async () => {
  const error = await rejection(workspace.dataset("nothing"));
  assert.ok(error instanceof YmirError && error instanceof Error);
  assert.equal(error.name, "YmirError");
  assert.equal(error.kind, "NotFound");
  assert.equal(error.code, "not_found");
  assert.equal(error.retryable, false);
  assert.deepEqual(error.context, { branch: "datasets/nothing" });
  assert.match(error.message, /there are: pool, validation \(branch: datasets\/nothing\)$/);
  const [, first] = error.stack.split("\n");
  assert.match(first, /Workspace\.dataset/);
  async function caller() {
    await workspace.dataset("nothing");
  }
  assert.match((await rejection(caller())).stack, /at async caller .*errors\.test\.mjs/);
});

test("calls that return, promises and iterators throw alike", async () => {
  const sync = caught(() => pool.getSync("no id"));
  const promise = await rejection(pool.get("no id"));
  assert.deepEqual([sync.code, sync.message], [promise.code, promise.message]);
  assert.equal(sync.code, "invalid_input");
  assert.match(sync.stack.split("\n")[1], /Dataset\.getSync/);
  assert.match(sync.stack.split("\n")[2], /errors\.test\.mjs/);
  const page = caught(() => pool.pageSync({ className: "unicorn" }));
  const iterator = await rejection(pool.records({ className: "unicorn" }).next());
  assert.deepEqual([page.code, page.message], [iterator.code, iterator.message]);
});

test("values of a wrong type are refused with an error of ours", async () => {
  assert.equal(caught(() => pool.getSync(5)).code, "invalid_input");
  assert.equal((await rejection(workspace.dataset(null))).code, "invalid_input");
  for (const options of [{ offset: -1 }, { offset: 0.5 }, { limit: -3 }, { limit: 1e12 }]) {
    assert.equal(caught(() => pool.pageSync(options)).code, "invalid_input");
  }
  const error = await rejection(workspace.importDataset(root, "x", { colour: "red" }));
  assert.equal(error.code, "invalid_input");
  assert.match(error.message, /colour/);
});

test("bad paths and damaged repositories are told", async () => {
  const nowhere = await rejection(Workspace.open(join(root, "nowhere")));
  assert.equal(nowhere.code, "not_found");
  assert.match(nowhere.message, /nowhere/);
  assert.equal((await rejection(Workspace.init(workspace.root))).code, "already_exists");
  const damaged = folder();
  writeFileSync(join(damaged, "ymir.json"), "{");
  assert.equal((await rejection(Workspace.open(damaged))).code, "corrupted");
});

test("a damaged object is told where it is read", async () => {
  const { workspace: own } = await workspaceWithData({ pool: 3 });
  const packs = [];
  const walk = (path) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const below = join(path, entry.name);
      if (entry.isDirectory()) walk(below);
      else if (below.includes("objects")) packs.push(below);
    }
  };
  walk(own.root);
  own.close();
  assert.ok(packs.length > 0);
  for (const path of packs.filter((path) => !path.endsWith(".idx"))) {
    writeFileSync(path, "damaged", { mode: 0o644 });
  }
  const again = await rejection(
    (async () => (await (await Workspace.open(own.root)).dataset("pool")).page())(),
  );
  assert.equal(again.code, "corrupted");
});

test("a closed workspace says so; what was had from it goes on", async () => {
  const { workspace: own } = await workspaceWithData();
  const dataset = await own.dataset("pool");
  assert.equal(own.closed, false);
  own.close();
  own.close();
  assert.equal(own.closed, true);
  assert.match((await rejection(own.dataset("pool"))).message, /closed/);
  assert.equal((await dataset.page()).total, 12);
  await own[Symbol.asyncDispose]?.();
});

test("an aborted call rejects as cancelled, with the reason as cause", async () => {
  const reason = new Error("enough");
  const early = await rejection(pool.page({ signal: AbortSignal.abort(reason) }));
  assert.equal(early.code, "cancelled");
  assert.equal(early.cause, reason);
  const controller = new AbortController();
  const events = workspace.events({ after: 1e9, signal: controller.signal });
  const next = events.next();
  setTimeout(() => controller.abort(reason), 20);
  const late = await rejection(next);
  assert.equal(late.code, "cancelled");
  assert.equal(late.cause, reason);
  assert.equal((await events.next()).done, true);
});

test("aborting an import leaves nothing behind", async () => {
  const many = folder();
  writeVoc(many, 500);
  const controller = new AbortController();
  const onProgress = () => controller.abort();
  const aborted = await rejection(
    workspace.importDataset(many, "aborted", {
      onProgress,
      signal: controller.signal,
    }),
  );
  assert.equal(aborted.code, "cancelled");
  assert.ok(!(await workspace.names("dataset")).includes("aborted"));
});

test("what a progress callback throws ends the call", async () => {
  const failure = new RangeError("of the callback");
  const onProgress = () => {
    throw failure;
  };
  const source = join(root, "pool");
  const error = await rejection(workspace.importDataset(source, "thrown", { onProgress }));
  assert.equal(error, failure);
});

test("an unknown class is told with those that there are", async () => {
  const own = await Workspace.init(join(root, "other"));
  const error = await rejection(own.importDataset(join(root, "pool"), "pool"));
  assert.equal(error.code, "invalid_input");
  assert.match(error.message, /red/);
  assert.match(error.message, /blue/);
});

test("what is no argument of a call is refused, and named", async () => {
  const refused = async (field, call) => {
    const error = await rejection(call());
    assert.ok(error instanceof YmirError, error.stack);
    assert.deepEqual([error.code, error.context.field], ["invalid_input", field]);
  };
  await refused("signal", () => pool.page({ signal: {} }));
  await refused("signal", () => workspace.evaluate("val", "val", { signal: {} }));
  await refused("class_name", () => pool.page({ class_name: "cat" }));
  await refused("class_name", async () => pool.pageSync({ class_name: "cat" }));
  await refused("hours", () => workspace.collectGarbage({ dryRun: true, hours: 1 }));
  await refused("others", () => pool.intersect("pool", "x"));
  await refused("other", () => pool.exclude(["pool"], "x"));
  await refused("other", () => pool.merge([pool], "x"));
  await refused("other", () => pool.diff("pool"));
  await refused("workspace", () => pool.copyTo("elsewhere"));
  await refused("version", () => workspace.dataset(undefined));
  await refused("version", () => workspace.dataset(5));
});

test("what JSON cannot say is refused by the name of its option", async () => {
  const model = { classes: ["red"], training: "pool", validation: "validation", model: "m" };
  const train = (parameters) =>
    workspace.startTrain({ ...model, executor: "host:none", parameters });
  const cycle = [];
  cycle.push(cycle);
  const project = {
    classes: ["red"],
    pool: "pool",
    validation: "validation",
    executor: "host:none",
    labeler: { custom: "none" },
  };
  for (const number of [NaN, Infinity, -Infinity]) {
    for (const [field, call] of [
      ["parameters.lr", () => train({ lr: number })],
      ["parameters.lr.steps[1]", () => train({ lr: { steps: [0.5, number] } })],
      ["rate", () => workspace.fuse(["pool"], "z", { rate: number })],
      ["count", () => workspace.fuse(["pool"], "z", { count: number })],
      ["minScore", () => workspace.outcomes("pool", "said", { minScore: number })],
      ["target", () => workspace.createProject("p", { ...project, target: number })],
      ["grace", () => workspace.collectGarbage({ grace: number })],
      ["parts[0].fraction", () => pool.split({ parts: [{ name: "a", fraction: number }] })],
      ["shard", () => pool.loader({ shard: number })],
    ]) {
      const error = await rejection(call());
      assert.equal(error.code, "invalid_input", field);
      assert.match(error.message, /must be a finite number/);
      assert.equal(error.context.field, field);
    }
  }
  for (const [value, message] of [
    [() => 1, /a function/],
    [10n, /bigint/],
    [new Map(), /a Map; give a list or a plain object/],
    [new Float32Array(2), /Float32Array/],
    [[undefined], /a\[0\]` is not given/],
    [cycle, /more than 128/],
  ]) {
    assert.match((await rejection(train({ a: value }))).message, message);
  }
  assert.deepEqual(await workspace.names("model"), []);
});

test("a malformed option is named", async () => {
  const error = await rejection(pool.split({ parts: [{ name: "a", fraction: "half" }] }));
  assert.equal(error.context.field, "parts[0].fraction");
  assert.match(error.message, /expected a number/);
});

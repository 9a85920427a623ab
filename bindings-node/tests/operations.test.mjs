import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";

import { Selection, Workspace, YmirError } from "ymir";

import { folder, rejection, workspaceWithData } from "./support.mjs";

let workspace, pool, ids;
before(async () => {
  ({ workspace } = await workspaceWithData({ pool: 24 }));
  pool = await workspace.dataset("pool");
  ids = pool.pageSync().records.map(({ id }) => id);
});

const idsOf = (dataset) => dataset.pageSync({ limit: 1000 }).records.map(({ id }) => id);

test("a query makes a version, and says how far it is", async () => {
  const heard = [];
  const onProgress = (progress) => heard.push(progress);
  const red = await pool.filter("class:red and boxes=1", "red", { onProgress });
  assert.equal(red.name, "red");
  assert.equal(red.length, 12);
  assert.deepEqual(Object.keys(red.summary.classes), ["red"]);
  assert.equal(red.lineage.kind, "select");
  assert.ok(heard.length > 0);
  assert.equal(heard.at(-1).done, heard.at(-1).total);
});

test("what is no query is invalid input, with the column", async () => {
  const found = await rejection(pool.filter("class:red and area<small", "none"));
  assert.ok(found instanceof YmirError);
  assert.equal(found.code, "invalid_input");
  assert.match(found.message, /^column 20 of the query: expected a number/);
  assert.equal(found.context.query, "class:red and area<small");
  assert.throws(
    () => pool.query("area<small"),
    (error) => error instanceof YmirError && /^column 6 /.test(error.message),
  );
  const missing = await rejection(pool.filter("class:green", "none"));
  assert.equal(missing.code, "not_found");
});

test("an aborted operation makes nothing, and a listener that throws ends one", async () => {
  const reason = new Error("enough");
  const aborted = await rejection(
    pool.filter("all", "aborted", { signal: AbortSignal.abort(reason) }),
  );
  assert.equal(aborted.code, "cancelled");
  assert.equal(aborted.cause, reason);
  assert.equal((await rejection(workspace.dataset("aborted"))).code, "not_found");
  const onProgress = () => {
    throw reason;
  };
  assert.equal(await rejection(pool.filter("class:red", "thrown", { onProgress })), reason);
});

test("an intersection has the assets that all have", async () => {
  const [first, second] = [
    await pool.select(ids.slice(0, 9), "first"),
    await pool.select(ids.slice(4, 20), "second"),
  ];
  assert.deepEqual(idsOf(await pool.intersect([first, second], "both")), ids.slice(4, 9));
});

test("a split has parts of the same classes, the same for the same seed", async () => {
  const parts = [
    { name: "learn", fraction: 0.75 },
    { name: "check", fraction: 0.25 },
  ];
  const [learn, check] = await pool.split({ parts, seed: 7 });
  assert.deepEqual([learn.name, check.name], ["learn", "check"]);
  assert.deepEqual([learn.length, check.length], [18, 6]);
  assert.deepEqual([...idsOf(learn), ...idsOf(check)].sort(), ids);
  assert.equal(check.summary.classes.red.assets, 3);
  const again = await pool.split({ parts, seed: 7 });
  assert.deepEqual(idsOf(again[1]), idsOf(check));
  const plain = await pool.split({ parts: [{ name: "third", fraction: 0.5 }], unstratified: true });
  assert.deepEqual(
    plain.map(({ length }) => length),
    [12],
  );
  const above = [{ name: "above", fraction: 1.5 }];
  assert.equal((await rejection(pool.split({ parts: above }))).code, "invalid_input");
  assert.equal((await rejection(pool.split({ parts, seed: -1 }))).code, "invalid_input");
});

test("classes are joined and dropped", async () => {
  const joined = await pool.relabel({ red: "blue" }, "joined");
  assert.deepEqual(joined.summary.classes, { blue: { assets: 24, annotations: 24 } });
  assert.equal(joined.lineage.kind, "relabel");
  const dropped = await pool.relabel({ red: null }, "dropped");
  assert.equal(dropped.length, 24);
  assert.equal(dropped.summary.negatives, 12);
});

test("a share is chosen by chance", async () => {
  const some = await pool.sampleRate(0.25, "some", { seed: 3 });
  assert.equal(some.length, 6);
  assert.deepEqual(idsOf(await pool.sampleRate(0.25, "same", { seed: 3 })), idsOf(some));
  assert.equal((await rejection(pool.sampleRate(2, "more"))).code, "invalid_input");
});

test("a comparison counts what differs", async () => {
  const others = await pool.relabel({ red: "blue" }, "others");
  const few = await others.select(ids.slice(0, 20), "few");
  const { added, removed, before, after } = await pool.compare(few);
  assert.equal(added.assets, 0);
  assert.equal(removed.assets, 4);
  assert.deepEqual(Object.keys(before.classes), ["red"]);
  assert.deepEqual(Object.keys(after.classes), ["blue"]);
  assert.equal(before.assets, after.assets);
  const same = await pool.compare(pool);
  assert.deepEqual(
    Object.values(same).map(({ assets }) => assets),
    [0, 0, 0, 0],
  );
});

test("a selection is counted and read in parts", async () => {
  const blue = pool.query("class : blue  and width >= 40");
  assert.ok(blue instanceof Selection);
  assert.equal(blue.text, "class:blue and width>=40");
  assert.equal(await blue.count(), 12);
  const all = await blue.ids();
  assert.equal(all.length, 12);
  assert.deepEqual(await blue.ids({ after: all[2], offset: 1, limit: 3 }), all.slice(4, 7));
  const page = await blue.page({ offset: 10, limit: 5 });
  assert.equal(page.total, 12);
  assert.deepEqual(page.records, [pool.getSync(all[10]), pool.getSync(all[11])]);
  const read = [];
  for await (const { id } of blue) read.push(id);
  assert.deepEqual(read, all);
  assert.equal(await pool.query("negative").count(), 0);
  const missing = pool.query("class:green");
  // One after the other: a promise that fails before it is awaited ends the process.
  for (const ask of [() => missing.count(), () => missing.ids(), () => missing.page()]) {
    assert.equal((await rejection(ask())).code, "not_found");
  }
  assert.equal((await rejection(blue.ids({ limit: -1 }))).code, "invalid_input");
  assert.equal((await rejection(blue.ids({ after: "x" }))).code, "invalid_input");
  const signal = AbortSignal.abort();
  assert.equal((await rejection(blue.count({ signal }))).code, "cancelled");
});

test("datasets are fused in one go", async () => {
  const validation = await workspace.dataset("validation");
  const fused = await workspace.fuse([pool, "validation"], "fused");
  assert.equal(fused.length, pool.length + validation.length);
  const options = { excluded: [validation], query: "class:red", count: 5, seed: 2 };
  const some = await workspace.fuse([fused], "some-red", options);
  assert.equal(some.length, 5);
  assert.deepEqual(Object.keys(some.summary.classes), ["red"]);
  assert.equal((await workspace.fuse(["pool"], "half", { rate: 0.5 })).length, 12);
  const both = await rejection(workspace.fuse(["pool"], "none", { rate: 0.5, count: 1 }));
  assert.match(both.message, /`count` or by `rate`/);
  assert.equal((await rejection(workspace.fuse(["nothing"], "none"))).code, "not_found");
});

test("images that look alike are found and dropped", async () => {
  const heard = [];
  const onProgress = (progress) => heard.push(progress);
  const groups = await pool.nearDuplicates({ distance: 0, onProgress });
  assert.equal(heard.at(-1).done, pool.length);
  const dropped = groups.flatMap((group) => group.slice(1));
  assert.ok(dropped.length > 0);
  const few = await pool.dedup("few-alike", { distance: 0 });
  assert.deepEqual(
    idsOf(few),
    ids.filter((id) => !dropped.includes(id)),
  );
  assert.deepEqual(await few.nearDuplicates({ distance: 0 }), []);
  for (const distance of [17, -1, 0.5]) {
    assert.equal((await rejection(pool.nearDuplicates({ distance }))).code, "invalid_input");
  }
});

test("a dataset is copied into another workspace", async () => {
  const other = await Workspace.init(join(folder(), "other"));
  const copy = await pool.copyTo(other);
  assert.equal(copy.name, "pool");
  assert.deepEqual(copy.pageSync().records, pool.pageSync().records);
  assert.deepEqual(await other.image(ids[0]), await workspace.image(ids[0]));
  const named = await pool.copyTo(other, "records", { withoutFiles: true });
  assert.equal(named.name, "records");
  const strict = await Workspace.init(join(folder(), "strict"));
  const refused = await rejection(pool.copyTo(strict, "pool", { unknownClasses: "stop" }));
  assert.match(refused.message, /red/);
});

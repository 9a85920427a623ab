import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { tableFromIPC } from "apache-arrow";
import { Workspace } from "ymir";

import { folder, workspaceWithData, writeVoc } from "./support.mjs";

let root, workspace, pool;
before(async () => {
  ({ root, workspace } = await workspaceWithData({ pool: 24 }));
  pool = await workspace.dataset("pool");
});

test("a workspace tells where and what it is, and is found from within", async () => {
  assert.equal(workspace.root, join(root, "workspace"));
  assert.match(workspace.id, /^\w{16}$/);
  assert.deepEqual(workspace.warnings, []);
  assert.equal(Workspace.find(join(workspace.root, "state")), workspace.root);
  assert.equal(Workspace.find("/"), null);
  const again = await Workspace.open(pathToFileURL(workspace.root), { cpus: 1 });
  assert.equal(again.id, workspace.id);
  again.close();
});

test("sync and async reads give the same", async () => {
  const page = await pool.page({ offset: 3, limit: 4 });
  assert.deepEqual(pool.pageSync({ offset: 3, limit: 4 }), page);
  for (const record of page.records) {
    assert.deepEqual(await pool.get(record.id), record);
    assert.deepEqual(pool.getSync(record.id), record);
  }
  assert.equal(pool.getSync("00".repeat(32)), null);
  assert.equal(await pool.get("00".repeat(32)), null);
});

test("records are iterated over, also those of a class, and the loop can be left", async () => {
  const ids = [];
  for await (const record of pool) ids.push(record.id);
  assert.equal(ids.length, 24);
  assert.deepEqual(ids, [...ids].sort());
  const red = [];
  for await (const record of pool.records({ className: "red" })) red.push(record);
  assert.equal(red.length, 12);
  assert.ok(red.every(({ annotations }) => annotations[0].className === "red"));
  for await (const record of pool.records()) {
    assert.equal(record.id, ids[0]);
    break;
  }
});

test("versions, lineage and class table are plain values", async () => {
  assert.ok(pool.version.created instanceof Date);
  assert.equal(pool.version.kind, "dataset");
  assert.equal(pool.lineage.kind, "import");
  assert.deepEqual(
    pool.manifest.classes.map(({ name }) => name),
    (await workspace.classes()).map(({ name }) => name),
  );
  assert.equal((await workspace.dataset(pool)).id, pool.id);
  assert.equal((await workspace.resolve("dataset", pool.version)).id, pool.id);
  assert.equal((await workspace.datasetById(pool.id)).name, "pool");
});

test("images are read as bytes and as files", async () => {
  const { id, fileName } = pool.pageSync({ limit: 1 }).records[0];
  const original = readFileSync(join(root, "pool", fileName));
  assert.deepEqual(Buffer.from(await pool.image(id)), original);
  assert.deepEqual(readFileSync(await workspace.imagePath(id)), original);
  assert.ok((await workspace.image(id)) instanceof Uint8Array);
});

test("a dataset is an Arrow table", async () => {
  const table = tableFromIPC(await pool.toArrow());
  assert.equal(table.numRows, 24);
  const row = table.get(0);
  const record = pool.getSync(row.id);
  assert.equal(row.width, record.width);
  assert.equal(row.annotations.get(0).class_name, record.annotations[0].className);
  assert.equal(tableFromIPC(await pool.toArrow({ className: "blue" })).numRows, 12);
});

test("progress is heard before the import has returned", async () => {
  const source = folder();
  writeVoc(source, 5, 5000);
  const heard = [];
  const onProgress = (progress) => heard.push(progress);
  const report = await workspace.importDataset(source, "few", { onProgress });
  assert.equal(report.imported, 5);
  assert.deepEqual(heard.at(-1), { done: 5, total: 5 });
  const exported = [];
  const few = await workspace.dataset("few");
  const told = (progress) => exported.push(progress);
  assert.equal((await few.export(join(folder(), "out"), { onProgress: told })).images, 5);
  assert.deepEqual(exported.at(-1), { done: 5, total: 5 });
});

test("changes tell what differs", async () => {
  const [first] = pool.pageSync({ limit: 1 }).records;
  const one = await pool.select([first.id], "one");
  const changes = await pool.diff(one);
  assert.equal(changes.length, 23);
  assert.ok(changes.every(({ kind, record, id }) => kind === "removed" && record.id === id));
  const emptied = join(folder(), "images");
  writeVoc(emptied, 24);
  await workspace.importDataset(emptied, "bare", { format: "images" });
  const changed = await pool.diff(await workspace.dataset("bare"), { limit: 2 });
  assert.deepEqual(
    changed.map(({ kind }) => kind),
    ["changed", "changed"],
  );
  assert.equal(changed[0].before.annotations.length, 1);
  assert.equal(changed[0].after.annotations.length, 0);
});

test("a store is checked and cleaned", async () => {
  const { workspace: own } = await workspaceWithData({ pool: 3, validation: 1 });
  const found = await own.fsck({ blobs: true });
  assert.deepEqual(found.problems, []);
  assert.equal(found.assets, 4);
  assert.equal(found.blobs, 4);
  assert.ok(found.blobBytes > 0);
  const would = await own.collectGarbage({ dryRun: true, grace: 0 });
  assert.deepEqual(would, { blobs: 0, bytes: 0, keptYoung: 0, inUse: 4 });
  const [{ id }] = (await own.dataset("validation")).pageSync().records;
  rmSync(await own.imagePath(id));
  const [problem] = (await own.fsck()).problems;
  assert.match(`${problem.subject} ${problem.message}`, new RegExp(id));
});

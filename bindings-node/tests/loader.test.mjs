import assert from "node:assert/strict";
import { before, test } from "node:test";

import { Loader, YmirError } from "ymir";

import { rejection, workspaceWithData } from "./support.mjs";

let workspace, pool, ids;
before(async () => {
  ({ workspace } = await workspaceWithData({ pool: 10 }));
  pool = await workspace.dataset("pool");
  ids = pool.pageSync().records.map(({ id }) => id);
});

async function read(options) {
  const batches = [];
  for await (const batch of await pool.loader(options)) batches.push(batch);
  return batches;
}

const idsOf = (batches) => batches.flatMap(({ assets }) => assets.map(({ record }) => record.id));

test("an epoch has each asset once, in an order of its seed", async () => {
  const batches = await read({ batch: 4, seed: 5 });
  assert.deepEqual(
    batches.map(({ number, assets }) => [number, assets.length]),
    [
      [0, 4],
      [1, 4],
      [2, 2],
    ],
  );
  const order = idsOf(batches);
  assert.deepEqual([...order].sort(), ids);
  assert.deepEqual(idsOf(await read({ batch: 4, seed: 5 })), order);
  assert.notDeepEqual(idsOf(await read({ batch: 4, seed: 5, epoch: 1 })), order);
  assert.deepEqual(idsOf(await read({ shuffle: false })), ids);
  assert.equal((await read({ batch: 4, dropLast: true })).length, 2);
  assert.deepEqual(idsOf(await read({ batch: 4, seed: 5, start: 1 })), order.slice(4));
});

test("shards deal the assets", async () => {
  const parts = await Promise.all([0, 1, 2].map((shard) => read({ shard, shards: 3 })));
  assert.deepEqual(parts.flatMap(idsOf).sort(), ids);
});

test("images are bytes, pixels or nothing", async () => {
  const [bytes] = await read({ readAhead: 1 });
  for (const { record, data, pixels } of bytes.assets) {
    assert.deepEqual(Buffer.from(data), Buffer.from(await pool.image(record.id)));
    assert.equal(pixels, null);
  }
  const [rgb] = await read({ images: "rgb" });
  for (const { record, data, pixels } of rgb.assets) {
    assert.equal(data, null);
    const [{ className, bbox }] = record.annotations;
    assert.deepEqual([pixels.width, pixels.height, pixels.data.length], [40, 30, 40 * 30 * 3]);
    const at = 3 * (bbox.y * pixels.width + bbox.x);
    const colour = className === "red" ? [220, 30, 30] : [30, 30, 220];
    assert.deepEqual([...pixels.data.slice(at, at + 3)], colour);
  }
  const [none] = await read({ images: "none" });
  assert.deepEqual([none.assets[0].data, none.assets[0].pixels], [null, null]);
});

test("a loader counts what is to come, and ends where it is left", async () => {
  const loader = await pool.loader({ batch: 3 });
  assert.ok(loader instanceof Loader);
  assert.equal(loader.remaining, 4);
  for await (const { number } of loader) if (number === 1) break;
  assert.equal(loader.remaining, 0);
  assert.deepEqual(await loader.next(), { done: true, value: undefined });
});

test("what is no loader is told, and a signal ends one", async () => {
  for (const options of [
    { batch: 0 },
    { shard: 2, shards: 2 },
    { images: "jpeg" },
    { seed: 0.5 },
  ]) {
    const found = await rejection(pool.loader(options));
    assert.ok(found instanceof YmirError, String(found));
    assert.equal(found.code, "invalid_input");
  }
  const ending = new AbortController();
  const loader = await pool.loader({ batch: 1, signal: ending.signal });
  await loader.next();
  ending.abort();
  assert.equal((await rejection(loader.next())).code, "cancelled");
});

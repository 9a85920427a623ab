// Workspaces whose images and models are in an object store.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer, connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { Workspace } from "ymir";

import { MeanBox, folder, rejection, writeVoc } from "./support.mjs";

const program = process.env.YMIR_S3_SERVER ?? "s3s-fs";
const missing = spawnSync(program, ["--version"]).error !== undefined;
if (missing && process.env.YMIR_REQUIRE_S3) throw new Error(`there is no program ${program}`);
const skip = missing && `no S3 server: ${program} is not installed, see scripts/check-node.sh`;

let server, endpoint, bucket;

async function freePort() {
  const socket = createServer();
  await new Promise((done) => socket.listen(0, "127.0.0.1", done));
  const { port } = socket.address();
  await new Promise((done) => socket.close(done));
  return port;
}

function answers(port) {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => done(true)).on("error", () => done(false));
    socket.on("connect", () => socket.destroy());
  });
}

before(async () => {
  if (missing) return;
  const root = folder();
  bucket = join(root, "images");
  mkdirSync(bucket);
  const port = await freePort();
  const keys = ["--access-key", "key", "--secret-key", "secret"];
  server = spawn(program, ["--host", "127.0.0.1", "--port", port, ...keys, root], {
    stdio: "ignore",
  });
  process.on("exit", () => server.kill());
  for (let i = 0; i < 600 && !(await answers(port)); i++) await sleep(50);
  endpoint = `http://127.0.0.1:${port}`;
  const env = {
    AWS_ACCESS_KEY_ID: "key",
    AWS_SECRET_ACCESS_KEY: "secret",
    AWS_REGION: "us-east-1",
  };
  Object.assign(process.env, env);
});

after(() => server?.kill());

const blobs = (prefix) => ({ url: `s3://images/${prefix}`, endpoint });

/** Returns how many objects begin with a prefix. */
function stored(prefix) {
  const count = (path) =>
    readdirSync(path, { withFileTypes: true })
      .map((entry) => (entry.isDirectory() ? count(join(path, entry.name)) : 1))
      .reduce((sum, n) => sum + n, 0);
  return count(join(bucket, prefix));
}

test("images and models go to the bucket and come back", { skip }, async () => {
  const root = folder();
  writeVoc(join(root, "pool"), 6);
  const path = join(root, "workspace");
  const made = await Workspace.init(path, { blobs: blobs("team") });
  await made.importDataset(join(root, "pool"), "pool", { unknownClasses: "add" });
  assert.equal(stored("team"), 6);
  const classes = ["red", "blue"];
  const options = { executor: new MeanBox(), classes, training: "pool", validation: "pool" };
  await (await made.startTrain({ ...options, model: "m" })).wait();
  assert.ok(stored("team") > 6);
  made.close();
  assert.ok(!existsSync(join(path, "blobs")));
  const config = JSON.parse(readFileSync(join(path, "ymir.json"), "utf8"));
  assert.deepEqual(config.blobs, blobs("team"));

  rmSync(join(path, "blob-cache"), { recursive: true });
  const opened = await Workspace.open(path);
  assert.deepEqual((await opened.fsck({ blobs: true })).problems, []);
  const { records } = (await opened.dataset("pool")).pageSync();
  for (const { id, fileName } of records) {
    const original = readFileSync(join(root, "pool", fileName));
    assert.ok(original.equals(await opened.image(id)));
  }
});

test("what is wrong with the place is said", { skip }, async () => {
  const path = join(folder(), "workspace");
  const malformed = await rejection(Workspace.init(path, { blobs: { url: "images" } }));
  assert.equal(malformed.kind, "InvalidInput");
  assert.match(malformed.message, /s3:\/\/bucket\/prefix/);
  const unknown = await rejection(Workspace.init(path, { blobs: { ...blobs("a"), secret: "x" } }));
  assert.match(unknown.message, /secret/);
  await Workspace.open(path, { create: true, blobs: blobs("here") });
  const other = await rejection(Workspace.open(path, { blobs: blobs("there") }));
  assert.equal(other.kind, "InvalidInput");
  assert.match(other.message, /s3:\/\/images\/here/);
});

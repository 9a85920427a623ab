import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import { Workspace } from "ymir";

import { folder, rejection } from "./support.mjs";

const packed = fileURLToPath(new URL("../../ymir-mir/tests/data/mir/mir.tar.gz", import.meta.url));

test("a repository of the original is imported, once", async () => {
  const root = folder();
  execFileSync("tar", ["-xzf", packed, "-C", root]);
  const workspace = await Workspace.init(join(root, "workspace"));
  const heard = [];
  const options = {
    media: pathToFileURL(join(root, "media")),
    models: join(root, "models"),
    prefix: "old-",
    onProgress: (progress) => heard.push(progress),
  };
  const report = await workspace.importMir(join(root, "repo"), options);
  assert.ok(report.versions.length > 0 && heard.length > 0);
  for (const { version, isNew, assets, leftOut } of report.versions) {
    assert.ok(isNew);
    assert.ok(version.name.startsWith("old-"));
    assert.equal((await workspace.dataset(version)).length, assets - leftOut);
  }
  assert.ok(report.versions.some(({ predictions }) => predictions?.kind === "prediction"));
  assert.ok(report.models.some(({ version }) => version?.kind === "model"));
  const kinds = report.skipped.map(({ kind }) => kind);
  assert.ok(kinds.includes("empty") && kinds.includes("failed"));
  const known = (await workspace.classes()).map(({ id, name }) => `${id} ${name}`);
  for (const { id, name } of report.classes) assert.ok(known.includes(`${id} ${name}`));
  const again = await workspace.importMir(join(root, "repo"), options);
  assert.equal(again.images, 0);
  assert.ok(again.versions.every(({ isNew }) => !isNew));
});

test("another folder is no repository", async () => {
  const root = folder();
  const workspace = await Workspace.init(join(root, "workspace"));
  assert.equal((await rejection(workspace.importMir(root))).code, "invalid_input");
});

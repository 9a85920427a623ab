// Runs the programs of README.md as they are written there, one after the other.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { folder, writeVoc } from "./support.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Writes a VOC folder with the classes that README.md speaks of. */
function writeCells(path, count, first) {
  writeVoc(path, count, first);
  for (const name of readdirSync(path).filter((name) => name.endsWith(".xml"))) {
    const text = readFileSync(join(path, name), "utf8");
    writeFileSync(join(path, name), text.replace(">red<", ">RBC<").replace(">blue<", ">WBC<"));
  }
}

test("the programs of README.md run", async () => {
  const cwd = folder();
  mkdirSync(join(cwd, "node_modules"));
  symlinkSync(root, join(cwd, "node_modules/ymir"));
  symlinkSync(join(root, "node_modules/apache-arrow"), join(cwd, "node_modules/apache-arrow"));
  writeCells(join(cwd, "voc/train"), 12, 0);
  writeCells(join(cwd, "voc/val"), 4, 1000);
  const names = [];
  const readme = readFileSync(join(root, "README.md"), "utf8");
  for (const [, program, name] of readme.matchAll(/```js\n(\/\/ (\S+\.mjs)\n.*?)```/gs)) {
    writeFileSync(join(cwd, name), program);
    names.push(name);
  }
  assert.equal(names.length, readme.split("```js\n").length - 1, "a program has no name");
  const said = {};
  for (const name of names) {
    said[name] = await promisify(execFile)(process.execPath, [name], { cwd });
    assert.equal(said[name].stderr, "");
  }
  assert.match(said["loop.mjs"].stdout, /^1 12 /);
  assert.match(said["resume.mjs"].stdout, /^\d+$/m);
  assert.match(said["read.mjs"].stdout, /^12 /);
  assert.match(said["errors.mjs"].stdout, /datasets\/nothing/);
});

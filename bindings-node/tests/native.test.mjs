// `native.ts` says what the addon has: its classes, their members, and its functions.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("..", import.meta.url));
const addon = readdirSync(folder).find((name) => name.endsWith(".node"));
const native = createRequire(import.meta.url)(join(folder, addon));

/** Returns the members of each interface, without the text of comments. */
function interfaces() {
  const text = readFileSync(join(folder, "src/native.ts"), "utf8").replace(/\/\*[^]*?\*\//g, "");
  const found = new Map();
  for (const [, name, body] of text.matchAll(/^export interface (\w+) \{\n([^]*?)^\}/gm)) {
    const members = body.matchAll(/^ {2}(?:readonly )?(\w+)[?]?[(:]/gm);
    found.set(name, [...members].map(([, member]) => member).sort());
  }
  return found;
}

const members = (value) =>
  Object.getOwnPropertyNames(value).filter((name) => name !== "constructor");

test("each class of the addon has the members that native.ts says", () => {
  const declared = interfaces();
  const classes = Object.entries(native).filter(([, value]) =>
    /^class|^function [A-Z]/.test(String(value)),
  );
  for (const [name, value] of classes) {
    const said = declared.get(`Native${name}`);
    assert.ok(said, `native.ts has no interface Native${name}`);
    assert.deepEqual(said, members(value.prototype).sort(), name);
  }
});

test("native.ts has the functions of the addon", () => {
  const functions = Object.keys(native).filter((name) => /^[a-z]/.test(name));
  const said = interfaces()
    .get("Native")
    .filter((name) => /^[a-z]/.test(name));
  assert.deepEqual(said, functions.sort());
});

// Runs the vectors that the three languages share; tests/vectors/README.md says what they are.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { Workspace, YmirError } from "ymir";

import { folder, rejection } from "./support.mjs";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const vectors = join(repository, "tests/vectors");
const executor = `local:${join(repository, "ymir/tests/common/executor.sh")}`;

const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());

function lookUp(value, path) {
  for (const [part, , index] of path.matchAll(/[^.[\]#]+|\[([^\]]*)\]|#/g)) {
    if (part === "#") value = value.length;
    else if (!part.startsWith("[")) value = value[camel(part)];
    else if (Array.isArray(value)) value = value[Number(part.slice(1, -1))];
    else value = value[part.slice(1, -1)];
    assert.equal(index, undefined);
  }
  return value;
}

class Scenario {
  constructor(workspace, out) {
    this.saved = { workspace };
    this.texts = { $data: join(vectors, "data"), $executor: executor, $out: out };
  }

  /** Returns a value of a step with what it refers to in place. */
  value(value) {
    if (typeof value === "string") {
      return value.replace(/\$(data|executor|out)/g, (name) => this.texts[name]);
    }
    if (Array.isArray(value)) return value.map((item) => this.value(item));
    if (value === null || typeof value !== "object") return value;
    if ("$from" in value) {
      const [, name, path] = /^([^.[]+)(.*)$/.exec(value.$from);
      return lookUp(this.saved[name], path);
    }
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.value(item)]));
  }

  async run({ on, call, args = [], options, save, expect = {}, error }) {
    const target = this.saved[on];
    const given = this.value(args);
    if (options !== undefined) {
      const entries = Object.entries(this.value(options));
      given.push(Object.fromEntries(entries.map(([name, value]) => [camel(name), value])));
    }
    if (error !== undefined) {
      const thrown = await rejection((async () => target[camel(call)](...given))());
      assert.ok(thrown instanceof YmirError, String(thrown));
      assert.deepEqual([thrown.code, thrown.kind], [error.code, error.kind], thrown.message);
      for (const text of error.says) assert.ok(thrown.message.includes(text), thrown.message);
      return;
    }
    const result = call === undefined ? target : await target[camel(call)](...given);
    if (save !== undefined) this.saved[save] = result;
    for (const [path, wanted] of Object.entries(expect)) {
      const [found, value] = [lookUp(result, path), this.value(wanted)];
      const close = typeof value === "number" && Math.abs(found - value) <= 1e-9;
      if (!close) assert.deepEqual(found, value, path);
    }
  }
}

for (const file of readdirSync(vectors).filter((name) => name.endsWith(".json"))) {
  for (const { name, steps } of JSON.parse(readFileSync(join(vectors, file), "utf8"))) {
    test(`${file}: ${name}`, async () => {
      const root = folder();
      const workspace = await Workspace.init(join(root, "workspace"));
      const scenario = new Scenario(workspace, join(root, "out"));
      for (const [i, step] of steps.entries()) {
        try {
          await scenario.run(step);
        } catch (error) {
          error.message = `step ${i + 1}, ${step.call}: ${error.message}`;
          throw error;
        }
      }
    });
  }
}

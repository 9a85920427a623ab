import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

import * as imported from "ymir";

const required = createRequire(import.meta.url)("ymir");

test("import and require give the same classes", () => {
  const names = [
    "Dataset",
    "Evaluation",
    "ExecutorTask",
    "Iteration",
    "LabelJob",
    "Loader",
    "Model",
    "Outcomes",
    "Project",
    "Selection",
    "Task",
  ];
  for (const name of [...names, "Workspace", "YmirError", "writeSamples"]) {
    assert.equal(typeof imported[name], "function", name);
    assert.equal(imported[name], required[name], name);
  }
  assert.deepEqual(
    Object.keys(required).sort(),
    [...names, "Workspace", "YmirError", "writeSamples"].sort(),
  );
});

test("an error made by hand has the defaults", () => {
  const error = new imported.YmirError("text", { kind: "ResourceExhausted", cause: 1 });
  assert.equal(error.code, "resource_exhausted");
  assert.equal(error.cause, 1);
  assert.deepEqual(error.context, {});
  assert.equal(new imported.YmirError("text").code, "unexpected");
  assert.equal(String(error), "YmirError: text");
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { Workspace } from "ymir";

import { CLASSES, workspaceWithData } from "./support.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const executor = `local:${join(here, "../../ymir/tests/common/executor.sh")}`;
const sets = { training: "pool", validation: "pool" };
const options = { executor, classes: CLASSES, ...sets, model: "m", parameters: { lines: 20 } };

async function check(workspace, id) {
  const task = await workspace.task(id);
  assert.equal((await task.wait()).name, "m");
  assert.equal((await workspace.log("model", "m")).length, 1);
  const lines = (await task.log()).map(({ text }) => text).filter((text) => /^line /.test(text));
  assert.deepEqual(
    lines,
    Array.from({ length: 20 }, (_, n) => `line ${n + 1}`),
  );
  const { state, owner, stalled, attempt } = await task.status();
  assert.deepEqual(
    { state, owner, stalled, attempt },
    {
      state: "done",
      owner: null,
      stalled: null,
      attempt: 1,
    },
  );
}

test("a task goes on after a kill of the program that started it", async () => {
  const { workspace } = await workspaceWithData();
  const program = `import { Workspace } from "ymir";
    const workspace = await Workspace.open(process.argv[1]);
    const task = await workspace.startTrain(JSON.parse(process.argv[2]));
    for await (const event of task.events())
      if (event.type === "log" && event.text === "line 3") console.log(task.id);`;
  const host = spawn(
    process.execPath,
    ["--input-type=module", "-e", program, workspace.root, JSON.stringify(options)],
    { cwd: join(here, "..") },
  );
  const [text] = await new Promise((resolve, reject) => {
    host.stdout.once("data", (data) => resolve([String(data)]));
    host.once("error", reject);
    host.once("exit", (code) => reject(new Error(`it ended with ${code}`)));
  });
  host.removeAllListeners("exit");
  host.kill("SIGKILL");
  await check(workspace, text.trim());
});

test("the same work joins the task that is at it", async () => {
  const { workspace } = await workspaceWithData();
  const task = await workspace.startTrain(options);
  const other = await Workspace.open(workspace.root);
  const again = await other.startTrain(options);
  assert.equal(again.id, task.id);
  other.close();
  await check(workspace, task.id);
});

test("what is held and left is listed", async () => {
  const { workspace } = await workspaceWithData();
  assert.deepEqual(await workspace.waitAll(), []);
  const leases = await workspace.hostLeases();
  assert.deepEqual(
    leases.filter(({ root }) => root === workspace.root),
    [],
  );
  assert.ok(Array.isArray(await workspace.leftovers()));
  assert.deepEqual((await workspace.cleanTasks({ olderThan: 0 })).removed, []);
  assert.deepEqual(await workspace.pastEvents(), []);
  await assert.rejects(workspace.settle("nothing"), { code: "not_found" });
  const observer = await Workspace.open(workspace.root, { observeTasks: true });
  await assert.rejects(observer.train(options), { code: "unsupported" });
});

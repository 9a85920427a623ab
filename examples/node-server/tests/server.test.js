import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

let folder, server, base;

/** Starts the server on a port that is free; returns the process and its address. */
async function start(workspace) {
  const main = fileURLToPath(new URL("../src/main.js", import.meta.url));
  const env = { ...process.env, PORT: "0", WORKSPACE: workspace };
  const child = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", "inherit"] });
  child.exited = new Promise((resolve) => child.on("exit", (code) => resolve(code)));
  let output = "";
  for await (const text of child.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    output += text;
    const found = /Server listening at (http:\/\/[\d.:]+)/.exec(output);
    if (found === null) continue;
    child.stdout.resume();
    return [child, found[1]];
  }
  throw new Error(`the server did not start: ${output}`);
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "ymir-server-"));
  [server, base] = await start(join(folder, "workspace"));
});

after(async () => {
  server.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

async function get(path, init) {
  const response = await fetch(base + path, init);
  return [response.status, await response.json()];
}

/** Yields server-sent events until the stream ends or the loop is left. */
async function* listen(path, headers = {}) {
  const controller = new AbortController();
  try {
    const response = await fetch(base + path, { headers, signal: controller.signal });
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    let text = "";
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const parts = text.split("\n\n");
      text = parts.pop();
      for (const part of parts) {
        const [, id, type, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(part);
        yield { id: Number(id), type, data: JSON.parse(data) };
      }
    }
  } finally {
    controller.abort();
  }
}

test("the project is there, with nothing done", async () => {
  assert.deepEqual(await get("/projects"), [
    200,
    [{ name: "fruit", running: false, metric: null, iterations: 0 }],
  ]);
  const [status, project] = await get("/projects/fruit");
  assert.equal(status, 200);
  assert.deepEqual(project.definition.classes, ["apple", "plum"]);
  assert.deepEqual(project.iterations, []);
});

test("datasets are paged, also by class; images are served", async () => {
  const [, page] = await get("/datasets/pool?offset=10&limit=5");
  assert.equal(page.records.length, 5);
  assert.equal(page.total, 48);
  const [, apples] = await get("/datasets/pool?class=apple&limit=100");
  assert.equal(apples.total, apples.summary.classes.apple.assets);
  const response = await fetch(`${base}/images/${page.records[0].id}`);
  assert.equal(response.headers.get("content-type"), "image/png");
  assert.equal((await response.arrayBuffer()).byteLength, page.records[0].byteSize);
});

test("errors have a status and a code", async () => {
  const [missing, { code, message }] = await get("/projects/nothing");
  assert.deepEqual([missing, code], [404, "not_found"]);
  assert.match(message, /nothing/);
  assert.equal((await get("/datasets/pool?class=pear"))[0], 404);
  assert.equal((await get("/datasets/pool?limit=many"))[0], 400);
  assert.equal((await get("/images/none"))[0], 400);
  assert.equal((await get("/elsewhere"))[0], 404);
});

test("a run is started, stopped, started again and followed to its end", async () => {
  const post = () => get("/projects/fruit/run", { method: "POST" });
  assert.equal((await post())[0], 202);
  assert.equal((await post())[0], 409);
  for await (const { type } of listen("/projects/fruit/events")) if (type === "task") break;
  assert.deepEqual(await get("/projects/fruit/run", { method: "DELETE" }), [
    200,
    { running: false },
  ]);
  assert.equal((await post())[0], 202);
  const seen = [];
  for await (const event of listen("/projects/fruit/events")) {
    seen.push(event);
    if (event.type === "ended") break;
  }
  assert.deepEqual(seen.at(-1).data, { ended: "budget_exhausted" });
  const iterations = seen.filter(({ type }) => type === "iteration").map(({ data }) => data);
  assert.deepEqual(
    iterations.map(({ number }) => number),
    [1, 2, 3],
  );
  assert.ok(seen.some(({ type, data }) => type === "task" && data.event.type === "log"));
  assert.ok(iterations.at(-1).metric > 0.5, `the metric is ${iterations.at(-1).metric}`);

  const [, project] = await get("/projects/fruit");
  assert.equal(project.running, false);
  assert.equal(project.iterations.length, 3);
  assert.equal(project.metric, iterations.at(-1).metric);

  const { id } = seen.at(-2);
  for await (const event of listen("/projects/fruit/events", { "last-event-id": String(id) })) {
    assert.equal(event.type, "ended");
    break;
  }
});

test("it ends in good order, and finds everything again at the next start", async () => {
  const stream = listen("/projects/fruit/events", { "last-event-id": "100000" });
  const rest = stream.next();
  await new Promise((resolve) => setTimeout(resolve, 100));
  server.kill("SIGTERM");
  assert.equal(await server.exited, 0);
  assert.equal((await rest).done, true);
  [server, base] = await start(join(folder, "workspace"));
  assert.equal((await get("/projects"))[1][0].iterations, 3);
});

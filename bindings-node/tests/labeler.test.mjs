import assert from "node:assert/strict";
import { before, test } from "node:test";
import { inspect } from "node:util";

import { YmirError } from "ymir";

import { CLASSES, MeanBox, rejection, workspaceWithData } from "./support.mjs";

let workspace;
before(async () => {
  ({ workspace } = await workspaceWithData());
});

/** Labels every asset with one box, a second time round. */
class Corner {
  jobs = new Map();
  asked = 0;

  async create(request) {
    this.jobs.set(request.id, request);
  }

  async status({ job }) {
    const known = this.jobs.get(job);
    if (known === undefined) throw new YmirError(`no job ${job}`, { kind: "NotFound" });
    const total = known.items.length;
    const finished = this.asked++ > 0;
    return { total, labeled: finished ? total : 0, finished };
  }

  async annotations({ job }) {
    return this.jobs.get(job).items.map((item) => ({
      id: item.id,
      annotations: [
        {
          className: "red",
          bbox: { x: 1, y: 2, w: 3, h: 4 },
          flags: { crowd: true },
          attributes: { by: "Corner" },
          shape: {
            polygons: [
              [
                [1, 2],
                [4, 2],
                [4, 6],
              ],
            ],
          },
          keypoints: [{ x: 1, y: 2, visibility: "visible" }],
        },
      ],
    }));
  }

  cancel({ job }) {
    this.jobs.delete(job);
  }
}

const work = (labeler, labeled) => ({ labeler, dataset: "pool", classes: CLASSES, labeled });

test("an object labels", async () => {
  const labeler = new Corner();
  const options = {
    ...work(labeler, "cornered"),
    instructions: "the corner",
    preAnnotations: undefined,
  };
  const labeled = await workspace.label(options);
  assert.equal(labeled.length, 12);
  const [{ annotations }] = labeled.pageSync({ limit: 1 }).records;
  assert.equal(annotations[0].className, "red");
  assert.deepEqual(annotations[0].bbox, { x: 1, y: 2, w: 3, h: 4 });
  assert.equal(annotations[0].flags.crowd, true);
  assert.equal(annotations[0].flags.difficult, false);
  assert.deepEqual(annotations[0].attributes, { by: "Corner" });
  assert.deepEqual(annotations[0].shape, {
    polygons: [
      [
        [1, 2],
        [4, 2],
        [4, 6],
      ],
    ],
  });
  assert.deepEqual(annotations[0].keypoints, [{ x: 1, y: 2, visibility: "visible" }]);
  const [job] = labeler.jobs.values();
  assert.equal(job.instructions, "the corner");
  assert.deepEqual(job.classNames, CLASSES);
  assert.equal(job.items[0].width, 40);
  assert.equal((await workspace.label(options)).id, labeled.id);
});

test("a job is started, watched, collected and cancelled by hand", async () => {
  const options = work(new Corner(), "by-hand");
  const job = await workspace.startLabel(options);
  assert.match(job.id, /^by_hand_/);
  assert.equal(job.ready, true);
  assert.deepEqual(await job.status(), { total: 12, labeled: 0, skipped: 0, finished: false });
  assert.equal((await job.collect()).length, 12);
  const [listed] = (await workspace.labelJobs()).filter(({ id }) => id === job.id);
  assert.equal(listed.labeled, "by-hand");
  assert.equal((await workspace.labelJob(job.id)).id, job.id);
  await job.cancel();
  assert.equal((await rejection(job.status())).code, "not_found");
});

/** Labels in three steps, in pages of five, on a server that must not see a thing twice. */
class Stepwise {
  server = { projects: 0, tasks: [] };

  create({ items, handle }) {
    const { state } = handle;
    if (state === undefined) {
      const project = ++this.server.projects;
      return { ...handle, place: `https://labels.example/${project}`, state: { project } };
    }
    if (this.server.tasks.length === 0) {
      this.server.tasks = items.map(({ id }) => id);
      return { ...handle, state: { ...state, sent: items.length } };
    }
    return { ...handle, ready: true };
  }

  status({ state }) {
    return { total: state.sent, labeled: state.sent - 1, skipped: 1, finished: true };
  }

  annotations(handle, after, limit) {
    const from = Number(after ?? 0);
    const to = from + Math.min(limit, 5);
    const labeled = this.server.tasks.slice(from, to).map((id) => ({ id, annotations: [] }));
    return { labeled, next: to < this.server.tasks.length ? String(to) : null };
  }

  cancel() {}
}

test("a job is made in recorded steps, and read page by page", async () => {
  const labeler = new Stepwise();
  const job = await workspace.startLabel(work(labeler, "stepwise"));
  assert.equal(job.place, "https://labels.example/1");
  assert.deepEqual(await job.status(), { total: 12, labeled: 11, skipped: 1, finished: true });
  assert.equal((await job.wait()).length, 12);
  assert.equal((await workspace.startLabel(work(labeler, "stepwise"))).id, job.id);
  assert.equal(labeler.server.projects, 1);
});

/** Returns a backend that makes no job, but throws. */
function refusing(name, thrown) {
  return { name, create: () => Promise.reject(thrown), status() {}, annotations() {}, cancel() {} };
}

test("what it throws is what the caller gets", async () => {
  const context = { account: "me" };
  const unauthorized = new YmirError("log in first", { kind: "Unauthorized", context });
  const error = await rejection(workspace.label(work(refusing("refusing", unauthorized), "r")));
  assert.equal(error.code, "unauthorized");
  assert.equal(error.message, "log in first (account: me)");
  assert.deepEqual(error.context, context);
  assert.equal(error.cause, unauthorized);
  // One that came from a call of ours has its context in the message already.
  const missing = await rejection(workspace.dataset("nothing"));
  const passed = await rejection(workspace.label(work(refusing("passing", missing), "p")));
  assert.equal(passed.message, missing.message);
  assert.deepEqual(passed.context, missing.context);
});

test("its stack is kept", async () => {
  const failure = new TypeError("boom");
  const error = await rejection(workspace.label(work(refusing("failing", failure), "f")));
  assert.equal(error.code, "unexpected");
  assert.equal(error.message, "TypeError: boom");
  assert.equal(error.cause, failure);
  assert.deepEqual(error.context, {});
  const project = await workspace.createProject("failing", {
    classes: CLASSES,
    pool: "pool",
    validation: "validation",
    executor: new MeanBox(),
    labeler: refusing("failing-too", failure),
  });
  assert.equal((await rejection(project.run())).cause, failure);
  for (const thrown of [Object.create(null), { status: 500 }]) {
    const odd = await rejection(workspace.label(work(refusing("odd", thrown), "o")));
    assert.equal(odd.message, inspect(thrown));
    assert.equal(odd.cause, thrown);
  }
});

test("for who waits elsewhere its stack is in the context", () => {
  const context = [
    ["labeler", "far"],
    ["traceback", "Error: boom\n    at there"],
  ];
  const report = { kind: "Unexpected", retryable: false, message: "boom", context };
  const error = YmirError.of(report);
  assert.equal(error.message, "boom (labeler: far)");
  assert.deepEqual(error.context, Object.fromEntries(context));
  assert.equal(error.cause, undefined);
  assert.deepEqual(error.report(), report);
});

test("nonsense is refused, with the backend's name", async () => {
  const base = {
    create() {},
    cancel() {},
    status: () => ({ total: 1, labeled: 1, finished: true }),
  };
  const nonsense = { ...base, name: "nonsense", annotations: () => [{ id: "x", annotations: [] }] };
  const error = await rejection(workspace.label(work(nonsense, "n")));
  assert.equal(error.code, "invalid_input");
  assert.equal(error.context.labeler, "nonsense");
  const [{ id }] = (await (await workspace.dataset("pool")).page({ limit: 1 })).records;
  const twice = { id, annotations: [] };
  const double = { ...base, name: "double", annotations: () => [twice, twice] };
  assert.match((await rejection(workspace.label(work(double, "d")))).message, /twice/);
  assert.match(
    (await rejection(workspace.label(work(Corner, "c")))).message,
    /not \[class Corner\]/,
  );
  const half = { name: "half", create() {} };
  assert.match((await rejection(workspace.label(work(half, "h")))).message, /status/);
});

test("waiting for a labeler can be aborted", async () => {
  const never = Object.assign(new Corner(), { name: "never" });
  never.status = () => ({ total: 1, labeled: 0, finished: false });
  const options = { ...work(never, "never"), signal: AbortSignal.timeout(50) };
  assert.equal((await rejection(workspace.label(options))).code, "cancelled");
});

import assert from "node:assert/strict";
import { before, test } from "node:test";

import { MeanBox, rejection, workspaceWithData } from "./support.mjs";

let workspace, validation, said;

before(async () => {
  ({ workspace } = await workspaceWithData());
  validation = await workspace.dataset("validation");
  const executor = new MeanBox();
  const training = await workspace.startTrain({
    executor,
    classes: ["red", "blue"],
    training: "pool",
    validation,
    model: "m",
  });
  const model = await training.wait();
  const inference = { executor, dataset: validation, model, predictions: "said" };
  said = await (await workspace.startInfer(inference)).wait();
});

test("predictions are hits or false alarms, and objects may be missed", async () => {
  const outcomes = await workspace.outcomes(validation, said);
  const { records, total } = await outcomes.page("all");
  const ids = validation.pageSync().records.map(({ id }) => id);
  assert.equal(total, validation.length);
  assert.deepEqual(
    records.map(({ id }) => id),
    ids,
  );
  const annotations = records.flatMap((record) => record.annotations);
  const marked = (outcome) =>
    annotations.filter(({ attributes }) => attributes.outcome === outcome);
  assert.equal(marked("tp").length + marked("fp").length, said.summary.annotations);
  assert.equal(marked("tp").length + marked("fn").length, validation.summary.annotations);
  assert.ok(marked("fp").every(({ score }) => score === 0.5));
  assert.ok(marked("fn").every(({ score, className }) => score === null && className !== ""));

  assert.deepEqual(await outcomes.ids("all"), ids);
  assert.deepEqual(await outcomes.ids("all", { after: ids[0], offset: 1, limit: 1 }), [ids[2]]);
  assert.deepEqual(
    (await outcomes.page("all", { offset: 3, limit: 2 })).records.map(({ id }) => id),
    [ids[3]],
  );
  const red = await outcomes.ids("outcome:fn and class:red");
  assert.ok(red.length > 0 && red.length < ids.length);
  assert.equal(await outcomes.count("outcome:fn and class:red"), red.length);
});

test("options say what a hit is", async () => {
  const loose = await workspace.outcomes("validation", "said", { iouThreshold: 0.01 });
  assert.ok((await loose.count("outcome:tp")) > 0);
  const exact = await workspace.outcomes("validation", "said", { iouThreshold: 1 });
  assert.equal(await exact.count("outcome:tp"), 0);
  const sure = await workspace.outcomes("validation", "said", { minScore: 0.6 });
  assert.equal(await sure.count("outcome:tp or outcome:fp"), 0);
  assert.equal(await sure.count("outcome:fn"), validation.length);
  for (const [options, field] of [
    [{ iouThreshold: 0 }, "iou_threshold"],
    [{ minScore: 2 }, "min_score"],
  ]) {
    const { code, context } = await rejection(workspace.outcomes("validation", "said", options));
    assert.deepEqual([code, context.field], ["invalid_input", field]);
  }
});

test("questions that cannot be answered are refused, and others can be aborted", async () => {
  const outcomes = await workspace.outcomes("validation", said, { ignoreDifficult: true });
  assert.equal((await rejection(outcomes.count("outcome:missed"))).code, "invalid_input");
  assert.equal((await rejection(outcomes.ids("class:unicorn"))).code, "not_found");
  assert.equal((await rejection(outcomes.page("all", { limit: -1 }))).context.field, "limit");
  const signal = AbortSignal.abort(new Error("enough"));
  for (const call of [
    () => workspace.outcomes("validation", "said", { signal }),
    () => outcomes.count("all", { signal }),
    () => outcomes.ids("all", { signal }),
    () => outcomes.page("all", { signal }),
  ]) {
    const { code, cause } = await rejection(call());
    assert.deepEqual([code, cause], ["cancelled", signal.reason]);
  }
});

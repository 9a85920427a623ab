// Prints how long what a program does often takes.
//
//   node benches/latency.mjs --workspace PATH --dataset NAME
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { workspace: { type: "string" }, dataset: { type: "string" } },
});
if (values.workspace === undefined || values.dataset === undefined) {
  console.error("usage: node benches/latency.mjs --workspace PATH --dataset NAME");
  process.exit(2);
}

const show = (what, text) => console.log(`${what.padEnd(24)} ${text}`);
const ms = (since) => `${(performance.now() - since).toFixed(2)} ms`;

let begin = performance.now();
const { Workspace } = await import("ymir");
show("import of the package", ms(begin));

begin = performance.now();
const workspace = await Workspace.open(values.workspace);
show("open of the workspace", ms(begin));

begin = performance.now();
const dataset = await workspace.dataset(values.dataset);
show("open of the dataset", `${ms(begin)}, ${dataset.length} assets`);

/** Shows the median and the 99th percentile of many calls, in microseconds. */
async function measure(what, count, call) {
  for (let i = 0; i < count / 10; i++) await call(i);
  const times = [];
  for (let i = 0; i < count; i++) {
    const start = process.hrtime.bigint();
    await call(i);
    times.push(Number(process.hrtime.bigint() - start) / 1000);
  }
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.floor(share * (times.length - 1))].toFixed(1);
  show(what, `p50 ${at(0.5)} µs, p99 ${at(0.99)} µs`);
}

/**
 * Shows the median, over runs of 100 calls that return at once, of their mean: to measure each
 * would cost more than it takes.
 */
function mean(what, runs, call) {
  const times = [];
  for (let run = 0; run < runs; run++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < 100; i++) call(i);
    times.push(Number(process.hrtime.bigint() - start) / 100_000);
  }
  times.sort((a, b) => a - b);
  show(what, `p50 ${times[runs >> 1].toFixed(2)} µs`);
}

const { records } = dataset.pageSync({ limit: 100 });
const ids = records.map(({ id }) => id);
const annotations = records.reduce((sum, record) => sum + record.annotations.length, 0);
show("annotations per asset", (annotations / records.length).toFixed(1));

const last = Math.max(1, dataset.length - 100);
mean("getSync, warm", 1000, (i) => dataset.getSync(ids[i % ids.length]));
await measure("get, warm", 20_000, (i) => dataset.get(ids[i % ids.length]));
await measure("pageSync of 100", 500, (i) => dataset.pageSync({ offset: (i * 997) % last }));
await measure("page of 100", 500, (i) => dataset.page({ offset: (i * 997) % last }));

begin = performance.now();
const bytes = await dataset.toArrow();
show("toArrow", `${ms(begin)}, ${(bytes.length / 2 ** 20).toFixed(1)} MiB`);

begin = performance.now();
let count = 0;
for await (const record of dataset) count += record.annotations.length;
show("iterate over all", `${ms(begin)}, ${count} annotations`);

// Data for the tests, made by themselves: small pictures with one coloured square each.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";

import { Workspace } from "ymir";

function checksum(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function chunk(name, body) {
  const content = Buffer.concat([Buffer.from(name, "latin1"), body]);
  const frame = Buffer.alloc(content.length + 8);
  frame.writeUInt32BE(body.length);
  content.copy(frame, 4);
  frame.writeUInt32BE(checksum(content), content.length + 4);
  return frame;
}

/** Returns a PNG file of a size, each pixel as a function says: `[r, g, b]`. */
export function png(width, height, pixel) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const rows = Buffer.alloc(height * (1 + 3 * width));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rows.set(pixel(x, y), y * (1 + 3 * width) + 1 + 3 * x);
  }
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const body = chunk("IDAT", deflateSync(rows));
  return Buffer.concat([signature, chunk("IHDR", header), body, chunk("IEND", Buffer.alloc(0))]);
}

export const CLASSES = ["red", "blue"];
const COLOURS = { red: [220, 30, 30], blue: [30, 30, 220] };

/** Writes a Pascal VOC folder of pictures with a square each; `first` numbers the first one. */
export function writeVoc(folder, count, first = 0) {
  mkdirSync(folder, { recursive: true });
  for (let i = first; i < first + count; i++) {
    const name = CLASSES[i % 2];
    const [x, y] = [4 + (i % 17), 3 + (i % 13)];
    const inside = (px, py) => px >= x && px < x + 10 && py >= y && py < y + 10;
    const bytes = png(40, 30, (px, py) => (inside(px, py) ? COLOURS[name] : [i % 251, 200, 90]));
    writeFileSync(join(folder, `${i}.png`), bytes);
    writeFileSync(
      join(folder, `${i}.xml`),
      `<annotation><filename>${i}.png</filename>
      <size><width>40</width><height>30</height><depth>3</depth></size>
      <object><name>${name}</name><bndbox><xmin>${x + 1}</xmin><ymin>${y + 1}</ymin>
      <xmax>${x + 10}</xmax><ymax>${y + 10}</ymax></bndbox></object></annotation>`,
    );
  }
}

const folders = [];
process.on("exit", () => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

/** Returns a folder that is removed at the end of the process: each file of tests has its own. */
export function folder() {
  const path = mkdtempSync(join(tmpdir(), "ymir-node-"));
  folders.push(path);
  return path;
}

/** Returns a new workspace with the datasets `pool` and `validation`. */
export async function workspaceWithData({ pool = 12, validation = 4 } = {}) {
  const root = folder();
  writeVoc(join(root, "pool"), pool);
  writeVoc(join(root, "validation"), validation, 1000);
  const workspace = await Workspace.init(join(root, "workspace"));
  await workspace.importDataset(join(root, "pool"), "pool", { unknownClasses: "add" });
  await workspace.importDataset(join(root, "validation"), "validation");
  return { root, workspace };
}

/**
 * An executor that remembers the boxes of its training set and predicts their mean: enough to go
 * through everything.
 */
export class MeanBox {
  calls = [];

  async train(task) {
    this.calls.push("train");
    const boxes = {};
    for (const { annotations } of task.training) {
      for (const { className, bbox } of annotations) (boxes[className] ??= []).push(bbox);
    }
    const mean = (values, side) => values.reduce((sum, box) => sum + box[side], 0) / values.length;
    const model = Object.entries(boxes).map(([className, found]) => ({
      className,
      bbox: { x: mean(found, "x"), y: mean(found, "y"), w: mean(found, "w"), h: mean(found, "h") },
    }));
    task.progress(0.5, "half way");
    task.log("trained");
    writeFileSync(join(task.modelDir, "model.json"), JSON.stringify(model));
    await task.saveStage("last", { files: ["model.json"], metrics: { mAP: 0.25, loss: 3 } });
  }

  infer(task) {
    this.calls.push("infer");
    const model = JSON.parse(readFileSync(task.modelFiles[0], "utf8"));
    for (const sample of task.candidates) {
      task.predict(
        sample,
        model.map((found) => ({ ...found, score: 0.5 })),
      );
    }
  }

  async mine(task) {
    this.calls.push("mine");
    for (const [i, sample] of task.candidates.entries()) task.score(sample, i);
  }
}

/** Returns what a promise rejects with. */
export async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not reject");
}

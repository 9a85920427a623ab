// A tiny detector: it learns the mean colour and size of each class from the boxes, and finds the
// window of an image that is most like them. Quick, and good enough for fruit on a table.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as breathe } from "node:timers/promises";

import { PNG } from "pngjs";

/** Sums of the colours above and left of each pixel: any window's mean costs four look-ups. */
class Sums {
  static async read(path) {
    return new Sums(PNG.sync.read(await readFile(path)));
  }

  constructor({ width, height, data }) {
    Object.assign(this, { width, height, row: 3 * (width + 1) });
    this.sums = new Float64Array(this.row * (height + 1));
    for (let y = 1; y <= height; y++) {
      for (let x = 1; x <= width; x++) {
        for (let i = 0; i < 3; i++) {
          const at = y * this.row + 3 * x + i;
          this.sums[at] =
            data[4 * ((y - 1) * width + x - 1) + i] +
            this.sums[at - 3] +
            this.sums[at - this.row] -
            this.sums[at - this.row - 3];
        }
      }
    }
  }

  /** Returns the mean colour of the middle of a box: the corners are background. */
  mean({ x, y, w, h }) {
    const [left, right] = [0.2, 0.8].map((share) => Math.round(x + share * w));
    const [top, bottom] = [0.2, 0.8].map((share) => Math.round(y + share * h));
    const area = Math.max(1, (right - left) * (bottom - top));
    const at = (py, px, i) => this.sums[py * this.row + 3 * px + i];
    return [0, 1, 2].map(
      (i) =>
        (at(bottom, right, i) - at(top, right, i) - at(bottom, left, i) + at(top, left, i)) / area,
    );
  }
}

/** Returns the share of each colour: how light the picture is does not count. */
function hue(colour) {
  const sum = colour[0] + colour[1] + colour[2] || 1;
  return colour.map((value) => value / sum);
}

function likeness(colour, learnt) {
  const found = hue(colour);
  return Math.exp(-25 * Math.hypot(...found.map((value, i) => value - learnt[i])));
}

/** Finds at most one object of each class: the middle of the windows that are most like it. */
function detect(sums, model) {
  const detections = [];
  for (const { className, colour, size } of model) {
    const windows = [];
    for (let y = 0; y + size <= sums.height; y += 2) {
      for (let x = 0; x + size <= sums.width; x += 2) {
        windows.push({ x, y, score: likeness(sums.mean({ x, y, w: size, h: size }), colour) });
      }
    }
    const score = windows.reduce((best, window) => Math.max(best, window.score), 0);
    if (score < 0.3) continue;
    const near = windows.filter((window) => window.score > 0.8 * score);
    const middle = (side) => near.reduce((sum, window) => sum + window[side], 0) / near.length;
    const bbox = { x: middle("x"), y: middle("y"), w: size, h: size };
    detections.push({ className, bbox, score });
  }
  return detections;
}

/** The executor of the example's project. */
export const meanColour = {
  name: "mean-colour",
  version: "1",

  async train(task) {
    const seen = new Map(task.classNames.map((name) => [name, []]));
    for (const [i, { path, annotations }] of task.training.entries()) {
      const sums = await Sums.read(path);
      for (const { className, bbox } of annotations) {
        seen.get(className)?.push({ colour: hue(sums.mean(bbox)), size: (bbox.w + bbox.h) / 2 });
      }
      task.progress((i + 1) / task.training.length, `picture ${i + 1}`);
      await breathe();
    }
    const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const model = [...seen].flatMap(([className, found]) => {
      if (found.length === 0) return [];
      const colour = [0, 1, 2].map((i) => mean(found.map(({ colour }) => colour[i])));
      return [{ className, colour, size: Math.round(mean(found.map(({ size }) => size))) }];
    });
    for (const { className, colour, size } of model) {
      const shares = colour.map((value) => value.toFixed(2)).join(" ");
      task.log(`${className}: colour ${shares}, size ${size}`);
    }
    await writeFile(join(task.modelDir, "model.json"), JSON.stringify(model));
    await task.saveStage("last", { files: ["model.json"], metrics: { classes: model.length } });
  },

  async infer(task) {
    const model = JSON.parse(await readFile(task.modelFiles[0], "utf8"));
    for (const [i, sample] of task.candidates.entries()) {
      task.predict(sample, detect(await Sums.read(sample.path), model));
      task.progress((i + 1) / task.candidates.length);
      await breathe();
    }
  },
};

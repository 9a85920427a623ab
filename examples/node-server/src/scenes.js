// Small pictures to work on: fruit on a noisy table, as a Pascal VOC folder.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { PNG } from "pngjs";

export const CLASSES = ["apple", "plum"];
const COLOURS = { apple: [190, 50, 40], plum: [90, 45, 130] };
const [WIDTH, HEIGHT] = [96, 72];

/** Returns a generator of numbers from 0 to 1, the same ones for the same seed. */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Writes pictures with one fruit of each class or of one of them, and their annotations. */
export async function writeScenes(folder, count, seed) {
  await mkdir(folder, { recursive: true });
  const next = random(seed);
  for (let i = 0; i < count; i++) {
    const name = `${seed}-${i}`;
    const { image, objects } = scene(next);
    await writeFile(join(folder, `${name}.png`), PNG.sync.write(image, { colorType: 2 }));
    await writeFile(join(folder, `${name}.xml`), annotation(name, objects));
  }
}

function scene(next) {
  const image = new PNG({ width: WIDTH, height: HEIGHT });
  const light = 0.75 + 0.5 * next();
  paint(image, () => [150, 140, 110], { x: 0, y: 0, w: WIDTH, h: HEIGHT }, light, next);
  const objects = [];
  const half = WIDTH / 2;
  for (const [side, name] of CLASSES.entries()) {
    if (next() < 0.25) continue;
    const size = Math.round(16 + 8 * next());
    const x = Math.round(side * half + next() * (half - size));
    const y = Math.round(next() * (HEIGHT - size));
    const box = { x, y, w: size, h: size };
    const middle = size / 2;
    const fruit = (px, py) =>
      Math.hypot(px - x - middle, py - y - middle) <= middle ? COLOURS[name] : undefined;
    paint(image, fruit, box, light, next);
    objects.push({ name, box });
  }
  return { image, objects };
}

function paint(image, colourAt, { x, y, w, h }, light, next) {
  for (let py = y; py < y + h; py++) {
    for (let px = x; px < x + w; px++) {
      const colour = colourAt(px, py);
      if (colour === undefined) continue;
      const noise = 30 * (next() - 0.5);
      const at = 4 * (py * image.width + px);
      colour.forEach((value, i) => {
        image.data[at + i] = Math.max(0, Math.min(255, value * light + noise));
      });
      image.data[at + 3] = 255;
    }
  }
}

function annotation(name, objects) {
  const elements = objects.map(
    ({ name, box: { x, y, w, h } }) =>
      `<object><name>${name}</name><bndbox><xmin>${x + 1}</xmin><ymin>${y + 1}</ymin>` +
      `<xmax>${x + w}</xmax><ymax>${y + h}</ymax></bndbox></object>`,
  );
  return (
    `<annotation><filename>${name}.png</filename><size><width>${WIDTH}</width>` +
    `<height>${HEIGHT}</height><depth>3</depth></size>${elements.join("")}</annotation>`
  );
}

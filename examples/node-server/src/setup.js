// The workspace of the example: made at the first start, opened at every later one.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Workspace } from "ymir";

import { meanColour } from "./executor.js";
import { CLASSES, writeScenes } from "./scenes.js";

export const PROJECT = "fruit";

/** Returns the open workspace, with two datasets, a project and its executor. */
export async function openWorkspace(path) {
  const workspace = await Workspace.open(path, { create: true });
  // Known by name to the project that an earlier process made.
  const executor = workspace.registerExecutor(meanColour);
  if ((await workspace.names("project")).includes(PROJECT)) return workspace;
  const folder = await mkdtemp(join(tmpdir(), "ymir-scenes-"));
  try {
    for (const [name, count, seed] of [
      ["pool", 48, 1],
      ["validation", 16, 2],
    ]) {
      await writeScenes(join(folder, name), count, seed);
      await workspace.importDataset(join(folder, name), name, { unknownClasses: "add" });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  await workspace.createProject(PROJECT, {
    classes: CLASSES,
    pool: "pool",
    validation: "validation",
    executor,
    labeler: { oracle: { truth: "pool" } },
    labelsPerIteration: 6,
    maxIterations: 3,
  });
  return workspace;
}

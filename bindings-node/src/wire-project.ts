// Projects, as the native side writes them; see `wire.ts`.
import { VERSIONS } from "./definition";
import type { ProjectDefinition } from "./definition";
import { Iteration } from "./iteration";
import type { Specs, WireIteration } from "./iteration";
import type { LabelStatus } from "./labeling";
import type { LabelerDefinition, LoopEvent, ProjectState, Step, StepResult } from "./project-types";
import type { Progress } from "./types";
import { toTaskEvent } from "./wire-tasks";
import type { WireTaskEvent } from "./wire-tasks";

/** The fields of a definition; versions by their ids. */
interface WireProject {
  name: string;
  limits: Record<string, unknown>;
  labeler: LabelerDefinition;
  [field: string]: unknown;
}

/** @internal */
export interface WireProjectState {
  project: WireProject;
  iterations: WireIteration[];
  stopped: boolean;
}

/** @internal */
export function toProjectState([wire, specs]: [WireProjectState, Specs]): ProjectState {
  return {
    definition: toDefinition(wire.project, specs),
    iterations: wire.iterations.map((made) => new Iteration(wire.project.name, made, specs)),
    stopped: wire.stopped,
  };
}

function toDefinition(wire: WireProject, specs: Specs): ProjectDefinition {
  const spec = (id: string) => specs[id] ?? id;
  const { labeler } = wire;
  const definition: Record<string, unknown> = {
    ...camel(wire),
    limits: camel(wire.limits),
    labeler: "oracle" in labeler ? { oracle: { truth: spec(labeler.oracle.truth) } } : labeler,
  };
  for (const name of VERSIONS) {
    const id = wire[name];
    if (typeof id === "string") definition[name] = spec(id);
  }
  return definition as unknown as ProjectDefinition;
}

/** Returns an object with the names of its own fields in camel case; those within stay. */
function camel(fields: Record<string, unknown>): Record<string, unknown> {
  const rename = (name: string) =>
    name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [rename(name), value]));
}

/** @internal */
export type WireLoopEvent =
  | { started: { iteration: number; step: Step } }
  | { preparing: Progress }
  | { task: WireTaskEvent }
  | { labeling: { status: LabelStatus; labeler: string } }
  | { finished: { iteration: number; result: StepResult; elapsed: number } };

/** @internal */
export function toLoopEvent(wire: WireLoopEvent): LoopEvent {
  if ("started" in wire) return { type: "started", ...wire.started };
  if ("preparing" in wire) return { type: "preparing", progress: wire.preparing };
  if ("task" in wire) return { type: "task", event: toTaskEvent(wire.task) };
  if ("labeling" in wire) return { type: "labeling", ...wire.labeling };
  return { type: "finished", ...wire.finished };
}

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
<<<<<<< HEAD
  limits: Record<string, unknown>;
=======
  classes: string[];
  object_type: "detection";
  pool: string;
  skip_near_duplicates: number | null;
  validation: string;
  training: string | null;
  executor: string;
  training_parameters: Parameters;
  mining_parameters: Parameters;
  inference_parameters: Parameters;
  resources: ProjectDefinition["resources"];
  limits: {
    network: boolean;
    capabilities: boolean;
    image_user: boolean;
    pids: number;
    shared_memory: number;
    model_bytes: number;
  };
>>>>>>> newcomer
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
<<<<<<< HEAD
  const { labeler } = wire;
  const definition: Record<string, unknown> = {
    ...camel(wire),
    limits: camel(wire.limits),
=======
  const {
    image_user: imageUser,
    shared_memory: sharedMemory,
    model_bytes: modelBytes,
    ...limits
  } = wire.limits;
  const { labeler } = wire;
  return {
    name: wire.name,
    classes: wire.classes,
    objectType: wire.object_type,
    pool: spec(wire.pool),
    skipNearDuplicates: wire.skip_near_duplicates,
    validation: spec(wire.validation),
    training: wire.training === null ? null : spec(wire.training),
    executor: wire.executor,
    trainingParameters: wire.training_parameters,
    miningParameters: wire.mining_parameters,
    inferenceParameters: wire.inference_parameters,
    resources: wire.resources,
    limits: { ...limits, imageUser, sharedMemory, modelBytes },
>>>>>>> newcomer
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

// Projects, as the native side writes them; see `wire.ts`.
import { Iteration } from "./iteration";
import type { Specs, WireIteration } from "./iteration";
import type { LabelStatus } from "./labeling";
import type {
  LabelerDefinition,
  LoopEvent,
  ProjectDefinition,
  ProjectState,
  Step,
  StepResult,
} from "./project-types";
import type { Parameters, Progress } from "./types";
import { toTaskEvent } from "./wire-tasks";
import type { WireTaskEvent } from "./wire-tasks";

interface WireProject {
  name: string;
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
  labeler: LabelerDefinition;
  selection: "mined" | "random";
  labels_per_iteration: number;
  fine_tune: boolean;
  target: number | null;
  label_budget: number | null;
  max_iterations: number | null;
  seed: number;
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
    labeler: "oracle" in labeler ? { oracle: { truth: spec(labeler.oracle.truth) } } : labeler,
    selection: wire.selection,
    labelsPerIteration: wire.labels_per_iteration,
    fineTune: wire.fine_tune,
    target: wire.target,
    labelBudget: wire.label_budget,
    maxIterations: wire.max_iterations,
    seed: wire.seed,
  };
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

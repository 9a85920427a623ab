import type { CallOptions } from "./calls";
import type { Executor } from "./executor";
import { VERSIONS } from "./definition";
import type { ProjectChanges, ProjectOptions } from "./definition";
import { jsonOf } from "./json";
import type { LabelBackend } from "./labeling";
import { pathOf } from "./paths";
import type { Limits, Resources } from "./tasks";
import type { Format, Parameters, Progress, Spec } from "./types";
import { specOf } from "./wire";

/** What to do with a class that the workspace does not have. */
export type UnknownClasses = "stop" | "ignore" | "add" | "keep";

/** How a folder is imported. */
export interface ImportOptions extends CallOptions {
  /** The format of the folder or archive; recognised unless given. */
  readonly format?: Format;
  /** Only the images of this split, or of this list. */
  readonly split?: string;
  /** What to do with class names that the workspace does not have; `stop` unless given. */
  readonly unknownClasses?: UnknownClasses;
  /** How image files are taken over: `copy` unless given; `reference` leaves them where they are. */
  readonly transfer?: "copy" | "hard_link" | "reference";
  /** Whether the records are added to those of the newest version. */
  readonly append?: boolean;
  /** Whether images without an annotation file are taken, as images without objects. */
  readonly withoutAnnotations?: boolean;
  /**
   * Skips images that look like one before them, or where they are appended like one of the newest
   * version: those that differ in so many of 64 bits, see {@link AlikeOptions.distance}.
   */
  readonly skipNearDuplicates?: number;
  /** Is told how far the import is, at most ten times a second. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** How an executor is run; aborting the signal cancels the task. */
export interface TaskOptions extends CallOptions {
  /** An image, program or registered name (`docker:…`, `local:…`, `host:…`), or an object. */
  readonly executor: string | Executor;
  /** Parameters in place of the executor's defaults. */
  readonly parameters?: Parameters;
  /** The seed of every random choice; 0 unless given. */
  readonly seed?: number;
  /** What the task asks for. */
  readonly resources?: Resources;
  /** What the executor may do. */
  readonly limits?: Limits;
  /** The higher, the sooner; 0 unless given. */
  readonly priority?: number;
  /** What to do with predictions of a class that the workspace does not have. */
  readonly unknownClasses?: UnknownClasses;
  /**
   * Whether the result of equal work is used, if there is one, or the task that is at it joined; `true`
   * unless given.
   */
  readonly reuse?: boolean;
  /** Seconds that a run may take; it is stopped then, and the task fails. */
  readonly timeLimitS?: number;
  /** When a failure is tried again. */
  readonly retry?: { readonly retries?: number; readonly backoffS?: number };
  /** The number of units that a mining or an inference is cut into; 1 unless given. */
  readonly units?: number;
  /** Whose share of the host the task uses; a project's tasks use the project's name. */
  readonly share?: string;
}

/** What a model is trained on. */
export interface TrainOptions extends TaskOptions {
  /** The classes to learn, in the order of the model's outputs. */
  readonly classes: readonly string[];
  /** The dataset to learn from. */
  readonly training: Spec;
  /** The dataset that the executor scores itself on. */
  readonly validation: Spec;
  /** The model to start from. */
  readonly pretrained?: Spec;
  /** Its stage, if not its best one. */
  readonly stage?: string;
  /** The name of the model that is made. */
  readonly model: string;
}

/** Which assets are chosen, by what, and how many. */
export interface MineOptions extends TaskOptions {
  /** The dataset to choose from. */
  readonly candidates: Spec;
  /** The model whose gain is looked for. */
  readonly model: Spec;
  /** Its stage, if not its best one. */
  readonly stage?: string;
  /** How many assets to choose at most. */
  readonly count: number;
  /** The name of the dataset of the chosen assets. */
  readonly selected: string;
  /** The name of the prediction set for what the model says about them, if it is wanted. */
  readonly predictions?: string;
}

/** What a model looks at. */
export interface InferOptions extends TaskOptions {
  /** The dataset to look at. */
  readonly dataset: Spec;
  /** The model. */
  readonly model: Spec;
  /** Its stage, if not its best one. */
  readonly stage?: string;
  /** The name of the prediction set that is made. */
  readonly predictions: string;
}

/**
 * Who labels: an annotated dataset that is held back, people by way of a folder, or an object,
 * given itself or by the name that it was registered under.
 */
export type Labeler =
  | { readonly oracle: { readonly truth: Spec } }
  | { readonly folder: { readonly path: string | URL } }
  | { readonly custom: string }
  | LabelBackend;

/** What is to be labeled, by whom, and where it goes. */
export interface LabelOptions extends CallOptions {
  /** Who labels. */
  readonly labeler: Labeler;
  /** The dataset whose assets are labeled. */
  readonly dataset: Spec;
  /** The prediction set with what a model said about them, for the labeler to correct. */
  readonly preAnnotations?: Spec;
  /** The classes that the labeler may use. */
  readonly classes: readonly string[];
  /** Instructions for people. */
  readonly instructions?: string;
  /** The name of the dataset that what comes back is committed to. */
  readonly labeled: string;
}

/** Makes objects of this program known to a workspace. @internal */
export interface Registry {
  /** Returns what an executor is named by. */
  executor(executor: string | Executor): string;
  /** Returns the name that a label backend is known by. */
  labeler(backend: LabelBackend): string;
}

/** Returns an object with the names of its own fields in snake case; those within stay. */
function snake(fields: object): Record<string, unknown> {
  const rename = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [rename(name), value]));
}

/** Returns a field with what is to be sent for it, if it is given. */
function given<T>(name: string, value: T | undefined, send: (value: T) => unknown): object {
  return value === undefined ? {} : { [name]: send(value) };
}

/** @internal */
export function importToWire(
  source: string | URL,
  dataset: string,
  options: ImportOptions,
): string {
  const { signal: _signal, onProgress: _onProgress, ...rest } = options;
  return jsonOf({ source: pathOf(source), dataset, ...snake(rest) });
}

/** Returns the fields of a request, those of running its executor in a field of their own. */
function split<T extends TaskOptions>(options: T, registry: Registry) {
  const {
    executor,
    parameters,
    seed,
    resources,
    limits,
    priority,
    unknownClasses,
    reuse,
    timeLimitS,
    retry,
    units,
    share,
    ...rest
  } = options;
  const { signal: _signal, ...own } = rest;
  const task = {
    executor: registry.executor(executor),
    ...{ parameters, seed, resources, priority, reuse, units, share },
    ...given("limits", limits, snake),
    ...given("retry", retry, snake),
    time_limit_s: timeLimitS,
    unknown_classes: unknownClasses,
  };
  return [task, own] as const;
}

/** @internal */
export function trainToWire(options: TrainOptions, registry: Registry): string {
  const [task, { training, validation, pretrained, ...own }] = split(options, registry);
  return jsonOf({
    task,
    training: specOf(training),
    validation: specOf(validation),
    ...given("pretrained", pretrained, specOf),
    ...own,
  });
}

/** @internal */
export function mineToWire(options: MineOptions, registry: Registry): string {
  const [task, { candidates, model, ...own }] = split(options, registry);
  return jsonOf({ task, candidates: specOf(candidates), model: specOf(model), ...own });
}

/** @internal */
export function inferToWire(options: InferOptions, registry: Registry): string {
  const [task, { dataset, model, ...own }] = split(options, registry);
  return jsonOf({ task, dataset: specOf(dataset), model: specOf(model), ...own });
}

function labelerToWire(labeler: Labeler, registry: Registry): object {
  if ("oracle" in labeler) return { oracle: { truth: specOf(labeler.oracle.truth) } };
  if ("folder" in labeler) return { folder: { path: pathOf(labeler.folder.path) } };
  return "custom" in labeler ? labeler : { custom: registry.labeler(labeler) };
}

/** @internal */
export function labelToWire(options: LabelOptions, registry: Registry): string {
  const { labeler, dataset, preAnnotations, signal: _signal, ...rest } = options;
  return jsonOf({
    labeler: labelerToWire(labeler, registry),
    dataset: specOf(dataset),
    ...given("pre_annotations", preAnnotations, specOf),
    ...rest,
  });
}

/** @internal */
export function changesToWire(changes: ProjectChanges, registry: Registry): object {
  const { executor, labeler, limits, ...rest } = changes;
  const wire = snake(rest);
  for (const name of VERSIONS) {
    const spec = wire[name] as Spec | null | undefined;
    if (spec !== undefined && spec !== null) wire[name] = specOf(spec);
  }
  return {
    ...wire,
    ...given("executor", executor, (executor) => registry.executor(executor)),
    ...given("labeler", labeler, (labeler) => labelerToWire(labeler, registry)),
    ...given("limits", limits, snake),
  };
}

/** @internal */
export function projectToWire(name: string, options: ProjectOptions, registry: Registry): string {
  return jsonOf({ name, ...changesToWire(options, registry) });
}

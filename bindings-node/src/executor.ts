import { now, wait } from "./calls";
import { YmirError } from "./errors";
import { failureOf, traceOf } from "./failures";
import { foundToWire } from "./found";
import type { Found } from "./found";
import { jsonOf } from "./json";
import type { NativeHostTask } from "./native";
import { RecordReader } from "./records";
import type { Row } from "./records";
import type { Metrics, ObjectType, Parameters, Sample } from "./types";

/** The kinds of work that an executor can be asked for. */
export type ExecutorKind = "training" | "mining" | "inference";

type Awaitable<T> = T | Promise<T>;

/**
 * Trains, mines and infers: an object of this program. Which methods it has says what it can do;
 * they may be async. What one throws ends its task as failed: the stack goes to the task's log.
 *
 * It runs on the thread of JavaScript that registered it: work that computes for long belongs into
 * a worker, so that the program answers meanwhile.
 *
 * @example
 * const executor: Executor = {
 *   name: "mean-colour",
 *   version: "1",
 *   parameters: { training: { epochs: 3 } },
 *   async train(task) {
 *     for (const sample of task.training) { ... }
 *     await writeFile(join(task.modelDir, "model.json"), JSON.stringify(model));
 *     await task.saveStage("last", { files: ["model.json"], metrics: { mAP: 0.7 } });
 *   },
 *   async infer(task) {
 *     for (const sample of task.candidates) task.predict(sample, [...]);
 *   },
 * };
 */
export interface Executor {
  /**
   * The name it is known by; that of its class unless given. Another executor of the same name
   * takes the place of the earlier one.
   */
  readonly name?: string;
  /**
   * Results of equal work by an equal version are found again instead of computed again. Without
   * one, an executor counts as another one each time that it is given: nothing is used again.
   */
  readonly version?: string;
  /** What it learns and finds; detection unless given. */
  readonly objectTypes?: readonly ObjectType[];
  /** Default parameters: those of each kind of work, or the same for all. */
  readonly parameters?: Parameters | Partial<Record<ExecutorKind, Parameters>>;
  /** Makes a model of `task.training`: writes files to `task.modelDir`, saves a stage. */
  train?(task: ExecutorTask): Awaitable<void>;
  /** Predicts on `task.candidates`, with the model of `task.modelFiles`. */
  infer?(task: ExecutorTask): Awaitable<void>;
  /** Scores `task.candidates` by how much the model would gain from their labels. */
  mine?(task: ExecutorTask): Awaitable<void>;
}

/** An object that an executor found on an image. */
export interface Detection extends Found {
  /** The confidence, 0 to 1. */
  readonly score: number;
}

/** A checkpoint to be saved. */
export interface StageOptions {
  /** Its files, one at least: relative to `task.modelDir`, or absolute. They are copied. */
  readonly files: readonly string[];
  /** Figures by name; `mAP`, 0 to 1, tells which stage is the best. */
  readonly metrics?: Metrics;
  /** Whether it is the best stage so far, whatever the figures say. */
  readonly best?: boolean;
}

interface Description {
  id: string;
  kinds: ExecutorKind[];
  class_names: string[];
  parameters: Parameters;
  gpus: string[];
  input_dir: string;
  output_dir: string;
  model_dir: string;
  model_files: string[];
}

/**
 * What an executor is asked for, and where its results go. Once the task is cancelled, its methods
 * throw a `YmirError` with code `cancelled`; what does not end within the grace period is given up.
 */
export class ExecutorTask {
  /** The id of the task. */
  readonly id: string;
  /** What a training learns from; empty for other work. */
  readonly training: readonly Sample[];
  /** What a training scores itself on; empty for other work. */
  readonly validation: readonly Sample[];
  /** What is mined or inferred; empty for a training. */
  readonly candidates: readonly Sample[];
  /** The classes, in the order of the model's outputs. */
  readonly classNames: readonly string[];
  /** The executor's defaults with the user's parameters over them. */
  readonly parameters: Parameters;
  /** The UUIDs of the GPUs that the task may use. */
  readonly gpus: readonly string[];
  /** The folder of the contract's inputs. */
  readonly inputDir: string;
  /** The folder of the contract's outputs; it is there until the task has ended. */
  readonly outputDir: string;
  /** The folder for the files of a model that is trained. */
  readonly modelDir: string;
  /** The paths of the files of the model to use, or to start from. */
  readonly modelFiles: readonly string[];
  /** Fires when the task is cancelled: to be handed to what waits. */
  readonly signal: AbortSignal;
  readonly #native: NativeHostTask;

  /** @internal */
  constructor(
    native: NativeHostTask,
    about: Description,
    sets: readonly [Sample[], Sample[], Sample[]],
    signal: AbortSignal,
  ) {
    this.id = about.id;
    [this.training, this.validation, this.candidates] = sets;
    this.classNames = about.class_names;
    this.parameters = about.parameters;
    this.gpus = about.gpus;
    this.inputDir = about.input_dir;
    this.outputDir = about.output_dir;
    this.modelDir = about.model_dir;
    this.modelFiles = about.model_files;
    this.signal = signal;
    this.#native = native;
  }

  /** Whether the task is to end. */
  get cancelled(): boolean {
    return this.#native.isCancelled;
  }

  /** Tells how much is done, 0 to 1, and what is being done. */
  progress(fraction: number, message = ""): void {
    now(() => this.#native.progress(fraction, message));
  }

  /** Writes lines to the log of the task. */
  log(text: string): void {
    now(() => this.#native.log(text, false));
  }

  /** Saves a checkpoint of the model that is trained. Those of a task that fails later are kept. */
  async saveStage(name: string, { files, metrics, best }: StageOptions): Promise<void> {
    const stage = { name, files, metrics: metrics ?? {}, best: best ?? false };
    await wait(() => this.#native.saveStage(JSON.stringify(stage)));
  }

  /** Gives what was found on a candidate; again, in place of what was given before. */
  predict(sample: Sample | string, detections: readonly Detection[]): void {
    const given = () => detections.map((found) => ({ ...foundToWire(found), score: found.score }));
    now(() => this.#native.predict(idOf(sample), jsonOf({ detections: given() })));
  }

  /** Gives a candidate's score; those with the highest are chosen. */
  score(sample: Sample | string, score: number): void {
    now(() => this.#native.score(idOf(sample), score));
  }
}

function idOf(sample: Sample | string): string {
  return typeof sample === "string" ? sample : sample.id;
}

const METHODS = { training: "train", mining: "mine", inference: "infer" } as const;
const KINDS = Object.keys(METHODS) as ExecutorKind[];

/** Returns what an executor can do, as the native side reads it. @internal */
export function infoOf(executor: Executor, digest: string): string {
  const defaults = executor.parameters ?? {};
  const names = Object.keys(defaults);
  const byKind = names.length > 0 && names.every((name) => name in METHODS);
  const can = KINDS.filter((kind) => typeof executor[METHODS[kind]] === "function");
  const templates = can.map((kind) => {
    const own = byKind ? (defaults as Partial<Record<ExecutorKind, Parameters>>)[kind] : defaults;
    return [kind, own ?? {}] as const;
  });
  const object_types = executor.objectTypes ?? ["detection"];
  const info = { digest, object_types, templates: Object.fromEntries(templates) };
  return jsonOf(info);
}

/**
 * Returns the function that runs an executor: it resolves to nothing, or to the report of what
 * went wrong. @internal
 */
export function running(executor: Executor): (native: NativeHostTask) => Promise<string | null> {
  return async (native) => {
    try {
      const about = JSON.parse(native.describe()) as Description;
      const task = new ExecutorTask(native, about, await setsOf(native, about), signalOf(native));
      for (const kind of about.kinds) await executor[METHODS[kind]]?.(task);
      return null;
    } catch (error) {
      logFailure(native, error);
      return JSON.stringify(failureOf(error, "ExecutorFailed"));
    }
  };
}

async function setsOf(
  native: NativeHostTask,
  { kinds }: Description,
): Promise<[Sample[], Sample[], Sample[]]> {
  const reader = new RecordReader([]);
  const read = async (set: string) =>
    reader.samples(JSON.parse(await wait(() => native.samples(set))) as [string, Row][]);
  if (!kinds.includes("training")) return [[], [], await read("candidates")];
  return [await read("training"), await read("validation"), []];
}

function signalOf(native: NativeHostTask): AbortSignal {
  const controller = new AbortController();
  const fire = (cancelled: boolean) => {
    const message = "the task was cancelled";
    if (cancelled) controller.abort(new YmirError(message, { kind: "Cancelled" }));
  };
  native.cancelled().then(fire, () => undefined);
  return controller.signal;
}

function logFailure(native: NativeHostTask, error: unknown): void {
  try {
    native.log(traceOf(error), true);
  } catch {
    // The task is being cancelled; the lines were written all the same.
  }
}

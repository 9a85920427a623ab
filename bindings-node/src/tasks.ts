import type { YmirError } from "./errors";
import type { ObjectType, Parameters, TaskKind } from "./types";

/** Where a task stands. */
export type TaskState = "pending" | "running" | "done" | "failed" | "terminated";

/** The steps of a task, in their order. */
export type TaskStep = "prepare" | "allocate" | "run" | "collect" | "commit";

/** Where a line of a log came from. */
export type LogSource = "stdout" | "stderr" | "ymir";

/** A line of a task's log. */
export interface LogLine {
  /** Where it came from. */
  readonly source: LogSource;
  /** The text, without its line end. */
  readonly text: string;
}

/** What a task asks for. */
export interface Resources {
  /** Whole GPUs; 0 unless given. */
  readonly gpus?: number;
  /** CPU slots; 0, the default, means all of them. */
  readonly cpus?: number;
  /** Memory in bytes; 0, the default, for no bound. */
  readonly memory?: number;
}

/** What an executor may do, as far as its runtime can enforce it; strict unless said otherwise. */
export interface Limits {
  /** Allows the network. */
  readonly network?: boolean;
  /** Keeps the Linux capabilities that the engine gives by default. */
  readonly capabilities?: boolean;
  /** Runs as the image's own user in place of the caller's. */
  readonly imageUser?: boolean;
  /** The most processes and threads; 0 for no bound, 4096 unless given. */
  readonly pids?: number;
  /** Shared memory in bytes; 0 for the default. */
  readonly sharedMemory?: number;
}

/** What is known of a task. */
export interface TaskStatus {
  /** Its id. */
  readonly id: string;
  /** What it does. */
  readonly kind: TaskKind;
  /** What it asks for. */
  readonly resources: Required<Resources>;
  /** The higher, the sooner; 0 is usual. */
  readonly priority: number;
  /** Where it stands. */
  readonly state: TaskState;
  /** The step that it is in, or ended in. */
  readonly step: TaskStep;
  /** How much of the run is done, 0 to 1. */
  readonly progress: number;
  /** Why it failed. */
  readonly error: YmirError | null;
  /** The ids of the versions that it made. */
  readonly output: readonly string[];
  /** When it was queued. */
  readonly created: Date;
  /** When it was given resources. */
  readonly started: Date | null;
  /** When it ended. */
  readonly finished: Date | null;
}

/** What every event of a task has. */
interface EventBase {
  /** The place in the workspace's one order of events, counted from 1. */
  readonly seq: number;
  /** When it happened. */
  readonly time: Date;
  /** The id of the task. */
  readonly task: string;
}

/** What happened to a task. */
export type TaskEvent =
  | (EventBase & { readonly type: "state"; readonly state: TaskState })
  | (EventBase & { readonly type: "step"; readonly step: TaskStep })
  | (EventBase & {
      readonly type: "progress";
      /** How much of the run is done, 0 to 1. */
      readonly fraction: number;
      /** What the executor said about it. */
      readonly message: string;
    })
  | (EventBase & { readonly type: "log"; readonly source: LogSource; readonly text: string });

/** What an executor says about itself. */
export interface ExecutorInfo {
  /** Its identity: results of another one can differ. */
  readonly digest: string;
  /** The object types it handles. */
  readonly objectTypes: readonly ObjectType[];
  /** What it can do, with the default parameters of each. */
  readonly templates: Readonly<Partial<Record<"training" | "mining" | "inference", Parameters>>>;
}

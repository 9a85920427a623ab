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
  /** The most bytes that the files of a model may have together; 64 GiB unless given. */
  readonly modelBytes?: number;
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
  /** The attempt that it is in, from 1. */
  readonly attempt: number;
  /**
   * The id of the process that carries it on; `null` where that has died and no other has adopted the
   * task yet, and of a task that has ended.
   */
  readonly owner: number | null;
  /** Why it cannot be found out at present whether its run has ended; `settle` ends this. */
  readonly stalled: YmirError | null;
  /** Its whole description, as it is recorded. */
  readonly spec: Readonly<Record<string, unknown>>;
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

/** A container or run that nobody will collect. */
export interface Leftover {
  /** The runtime that has it: `docker`, `local`. */
  readonly runtime: string;
  /** What the runtime calls it. */
  readonly name: string;
  /** Whether it still runs. */
  readonly running: boolean;
  /** The id of its task, if it is a run of one. */
  readonly task: string | null;
  /** Why nobody will collect it. */
  readonly reason: "directory_gone" | "task_ended" | "inspection";
}

/** What cleaning the directories of ended tasks did. */
export interface CleanReport {
  /** The ids of the tasks whose directories are gone. */
  readonly removed: readonly string[];
  /** What could not be removed, and why. */
  readonly left: readonly { readonly path: string; readonly reason: string }[];
}

/** What a run holds of the resources of its host. */
export interface HostLease {
  /** The id of the task. */
  readonly task: string;
  /** The directory of its workspace. */
  readonly root: string;
  /** CPU slots. */
  readonly cpus: number;
  /** GPUs, by their UUID. */
  readonly gpus: readonly string[];
  /** Bytes of memory; 0 for no bound. */
  readonly memory: number;
  /** The process that it was granted to. */
  readonly pid: number;
  /** When it was granted. */
  readonly since: Date;
  /** `stale` if that process is gone and its run may go on, `unknown` if nobody can find out. */
  readonly state: "held" | "stale" | "unknown";
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

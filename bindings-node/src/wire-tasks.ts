// Tasks and their events, as the native side writes them; see `wire.ts`.
import { YmirError } from "./errors";
import type { WireError } from "./errors";
import type {
  ExecutorInfo,
  HostLease,
  Leftover,
  LogLine,
  TaskEvent,
  TaskState,
  TaskStatus,
  TaskStep,
} from "./tasks";
import type { ObjectType, TaskKind } from "./types";

/** @internal */
export interface WireTaskStatus {
  spec: { id: string; kind: TaskKind; resources: TaskStatus["resources"]; priority: number };
  state: TaskState;
  step: TaskStep;
  progress: number;
  attempt: number;
  owner: { pid: number } | null;
  stalled: WireError | null;
  error: WireError | null;
  output: string[];
  created: string;
  started: string | null;
  finished: string | null;
}

function toDate(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}

/** @internal */
export function toTaskStatus(wire: WireTaskStatus): TaskStatus {
  const { id, kind, resources, priority } = wire.spec;
  return {
    id,
    kind,
    resources,
    priority,
    spec: wire.spec,
    attempt: wire.attempt,
    owner: wire.owner && wire.owner.pid,
    stalled: wire.stalled && YmirError.of(wire.stalled),
    state: wire.state,
    step: wire.step,
    progress: wire.progress,
    error: wire.error === null ? null : YmirError.of(wire.error),
    output: wire.output,
    created: new Date(wire.created),
    started: toDate(wire.started),
    finished: toDate(wire.finished),
  };
}

/** @internal */
export interface WireLeftover {
  runtime: string;
  run: { name: string; running: boolean; handle: { task: string } | null };
  reason: Leftover["reason"];
}

/** @internal */
export function toLeftover({ runtime, run, reason }: WireLeftover): Leftover {
  const { name, running, handle } = run;
  return { runtime, name, running, task: handle && handle.task, reason };
}

/** @internal */
export interface WireHostLease {
  task: string;
  root: string;
  grant: { cpus: number; gpus: string[]; memory: number };
  owner: { pid: number };
  since: string;
  state: HostLease["state"];
}

/** @internal */
export function toHostLease({ grant, owner, since, task, root, state }: WireHostLease): HostLease {
  const { cpus, gpus, memory } = grant;
  return { task, root, cpus, gpus, memory, pid: owner.pid, since: new Date(since), state };
}

/** @internal */
export interface WireTaskEvent {
  seq: number;
  time: string;
  task: string;
  kind:
    | { state: TaskState }
    | { step: TaskStep }
    | { progress: { fraction: number; message: string } }
    | { log: LogLine };
}

/** @internal */
export function toTaskEvent({ seq, time, task, kind }: WireTaskEvent): TaskEvent {
  const base = { seq, time: new Date(time), task };
  if ("state" in kind) return { ...base, type: "state", state: kind.state };
  if ("step" in kind) return { ...base, type: "step", step: kind.step };
  if ("progress" in kind) return { ...base, type: "progress", ...kind.progress };
  return { ...base, type: "log", ...kind.log };
}

/** @internal */
export interface WireExecutorInfo {
  digest: string;
  object_types: ObjectType[];
  templates: ExecutorInfo["templates"];
}

/** @internal */
export function toExecutorInfo(wire: WireExecutorInfo): ExecutorInfo {
  return { digest: wire.digest, objectTypes: wire.object_types, templates: wire.templates };
}

// Tasks and their events, as the native side writes them; see `wire.ts`.
import { YmirError } from "./errors";
import type { WireError } from "./errors";
import type { ExecutorInfo, LogLine, TaskEvent, TaskState, TaskStatus, TaskStep } from "./tasks";
import type { ObjectType, TaskKind } from "./types";

/** @internal */
export interface WireTaskStatus {
  request: { id: string; kind: TaskKind; resources: TaskStatus["resources"]; priority: number };
  state: TaskState;
  step: TaskStep;
  progress: number;
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
  return {
    ...wire.request,
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

import { YmirError } from "./errors";
import { tracedFailureOf } from "./failures";
import { foundToWire } from "./found";
import type { Found } from "./found";
import { jsonOf } from "./json";
import { RecordReader } from "./records";
import type { Row } from "./records";
import type { Sample } from "./types";

/** How far a labeling job is. */
export interface LabelStatus {
  /** Assets in the job. */
  readonly total: number;
  /** Assets that are labeled. */
  readonly labeled: number;
  /** Whether the labeler says that the job is done. */
  readonly finished: boolean;
}

/** A labeling job, as a {@link LabelBackend} is given it. */
export interface LabelJob {
  /** Its id; the same for the same work, however often it is tried. */
  readonly id: string;
  /** A title for people. */
  readonly title: string;
  /** Instructions for people. */
  readonly instructions: string;
  /** The classes that the labeler may use. */
  readonly classNames: readonly string[];
  /** What is to be labeled; annotations are what a model said, for the labeler to correct. */
  readonly items: readonly Sample[];
}

/** An object that a labeler found. */
export type LabelAnnotation = Found;

/** What came back for one asset; no annotations say that nothing is on it. */
export interface Labeled {
  /** The id of the asset. */
  readonly id: string;
  /** What is on it. */
  readonly annotations: readonly LabelAnnotation[];
}

type Awaitable<T> = T | Promise<T>;

/**
 * Has assets labeled: an object of this program. Its methods may be async. What one throws is the
 * cause of the error that the labeling ends with.
 */
export interface LabelBackend {
  /** The name it is known by; that of its class unless given. */
  readonly name?: string;
  /** Creates a job; creating one of an id that exists changes nothing. */
  create(job: LabelJob): Awaitable<void>;
  /** Returns how far a job is. */
  status(jobId: string): Awaitable<LabelStatus>;
  /** Returns what has been labeled so far; can be called again. */
  collect(jobId: string): Awaitable<readonly Labeled[]>;
  /** Cancels a job; nothing happens if there is none. */
  cancel(jobId: string): Awaitable<void>;
}

interface WireJob {
  id: string;
  title: string;
  instructions: string;
  class_names: string[];
  items: [string, Row][];
}

type Question = ["create", WireJob] | ["status" | "collect" | "cancel", string];

/** Returns the function that answers the native side's questions. @internal */
export function answering(backend: LabelBackend): (question: string) => Promise<string> {
  return async (question) => {
    try {
      const ok = await answer(backend, JSON.parse(question) as Question);
      return `{"ok":${jsonOf(ok ?? null)}}`;
    } catch (error) {
      return JSON.stringify({ error: tracedFailureOf(error, "Unexpected") });
    }
  };
}

async function answer(backend: LabelBackend, [method, argument]: Question): Promise<unknown> {
  switch (method) {
    case "create":
      return backend.create(toJob(argument));
    case "status": {
      const { total, labeled, finished } = await backend.status(argument);
      return { total, labeled, finished };
    }
    case "collect":
      return (await backend.collect(argument)).map(toWire);
    case "cancel":
      return backend.cancel(argument);
  }
}

function toJob(wire: WireJob): LabelJob {
  return {
    id: wire.id,
    title: wire.title,
    instructions: wire.instructions,
    classNames: wire.class_names,
    items: new RecordReader(wire.class_names).samples(wire.items),
  };
}

function toWire({ id, annotations }: Labeled): object {
  return { id, annotations: annotations.map(foundToWire) };
}

/** Fails unless an object has the methods of a label backend. @internal */
export function checkBackend(backend: LabelBackend): void {
  for (const method of ["create", "status", "collect", "cancel"] as const) {
    if (typeof backend[method] !== "function") {
      throw new YmirError(`a label backend needs a method ${method}`, { kind: "InvalidInput" });
    }
  }
}

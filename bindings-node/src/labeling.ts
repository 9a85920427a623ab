import { YmirError } from "./errors";
import { tracedFailureOf } from "./failures";
import { foundToWire } from "./found";
import type { Found } from "./found";
import { jsonOf } from "./json";
import { RecordReader } from "./records";
import type { Row } from "./records";
import type { AssetRecord } from "./types";

/** How far a labeling job is. */
export interface LabelStatus {
  /** Assets in the job. */
  readonly total: number;
  /** Assets that are labeled. */
  readonly labeled: number;
  /** Assets that the labeler passed over and will not label. */
  readonly skipped?: number;
  /** Whether the labeler says that the job is done. */
  readonly finished: boolean;
}

/** An image that is to be labeled; its annotations are predictions, to be corrected. */
export interface LabelItem extends AssetRecord {
  /**
   * The path of the image's file, for reading only; `null` where the workspace keeps its images
   * elsewhere. Then {@link Workspace.image} has its bytes.
   */
  readonly path: string | null;
}

/** Where a labeling job stands at its backend: all that any process needs to go on with it. */
export interface LabelHandle {
  /** The id of the job. */
  readonly job: string;
  /** Whether its creation is complete. */
  readonly ready: boolean;
  /** Where people label it, once that is known: a URL or a folder. */
  readonly place?: string | null;
  /** What the backend remembers of it: the number of a project on a server, for example. */
  readonly state?: unknown;
}

/** What a labeling job is created from. */
export interface LabelJobRequest {
  /** The id of the job; the same for the same work. */
  readonly id: string;
  /** A title for people. */
  readonly title: string;
  /** Instructions for people. */
  readonly instructions: string;
  /** The classes that the labeler may use. */
  readonly classNames: readonly string[];
  /** The images. */
  readonly items: readonly LabelItem[];
  /** Where the job stands: new, or as the last step of its creation returned it. */
  readonly handle: LabelHandle;
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

/** A run of labeled assets. */
export interface LabelPage {
  /** The assets. */
  readonly labeled: readonly Labeled[];
  /** Where the next page begins; absent on the last. */
  readonly next?: string | null;
}

type Awaitable<T> = T | Promise<T>;

/**
 * Has assets labeled: an object of this program. Its methods may be async. What one throws is the
 * cause of the error that the labeling ends with.
 */
export interface LabelBackend {
  /** The name it is known by; that of its class unless given. */
  readonly name?: string;
  /** The object types that it has labels for; `["detection"]` unless given. */
  readonly objectTypes?: readonly string[];
  /** Whether it shows predictions to the labeler; `true` unless given. */
  readonly preAnnotations?: boolean;
  /**
   * Takes the next step in creating a job, and returns the handle after it. The handle is stored,
   * and `create` called again with it until it is `ready`; nothing returned says that it is. Who
   * dies between a step and the storing goes on with the older handle: look for what the step has
   * made, by `request.id`, before making it.
   */
  create(request: LabelJobRequest): Awaitable<LabelHandle | void>;
  /** Returns how far a job is; a job that is gone is a `NotFound`, and is made again. */
  status(handle: LabelHandle): Awaitable<LabelStatus>;
  /**
   * Returns what is labeled: all of it, or a page of at most `limit` assets that begins where the
   * page before said by its `next`.
   */
  annotations(
    handle: LabelHandle,
    after: string | null,
    limit: number,
  ): Awaitable<readonly Labeled[] | LabelPage>;
  /** Cancels a job, as far as it was made; nothing happens if there is none. */
  cancel(handle: LabelHandle): Awaitable<void>;
}

interface WireRequest {
  id: string;
  title: string;
  instructions: string;
  class_names: string[];
  items: [string | null, Row][];
  handle: LabelHandle;
}

type Question =
  | ["create", WireRequest]
  | ["status" | "cancel", LabelHandle]
  | ["annotations", [handle: LabelHandle, after: string | null, limit: number]];

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
    case "create": {
      const handle = await backend.create(toRequest(argument));
      return handle ?? { ...argument.handle, ready: true };
    }
    case "status": {
      const { total, labeled, skipped = 0, finished } = await backend.status(argument);
      return { total, labeled, skipped, finished };
    }
    case "annotations": {
      const page = await backend.annotations(...argument);
      const all = !("labeled" in page);
      const labeled = (all ? page : page.labeled).map(toWire);
      return { labeled, next: all ? null : (page.next ?? null), all };
    }
    case "cancel":
      return backend.cancel(argument);
  }
}

function toRequest(wire: WireRequest): LabelJobRequest {
  return {
    id: wire.id,
    title: wire.title,
    instructions: wire.instructions,
    classNames: wire.class_names,
    items: new RecordReader(wire.class_names).samples(wire.items),
    handle: wire.handle,
  };
}

function toWire({ id, annotations }: Labeled): object {
  return { id, annotations: annotations.map(foundToWire) };
}

/** Returns what a backend can do, as the native side reads it. @internal */
export function capabilitiesOf({ objectTypes, preAnnotations }: LabelBackend): string {
  return jsonOf({
    object_types: objectTypes ?? ["detection"],
    pre_annotations: preAnnotations ?? true,
  });
}

/** Fails unless an object has the methods of a label backend. @internal */
export function checkBackend(backend: LabelBackend): void {
  for (const method of ["create", "status", "annotations", "cancel"] as const) {
    if (typeof backend[method] !== "function") {
      throw new YmirError(`a label backend needs a method ${method}`, { kind: "InvalidInput" });
    }
  }
}

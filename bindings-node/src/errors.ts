import { inspect } from "node:util";

import { recall, TRACEBACK } from "./causes";

/** What kind of thing went wrong; the part of a {@link YmirError} that a program decides on. */
export type ErrorKind =
  | "NotFound"
  | "AlreadyExists"
  | "Conflict"
  | "InvalidInput"
  | "Unsupported"
  | "Corrupted"
  | "ExecutorFailed"
  | "ResourceExhausted"
  | "Timeout"
  | "Cancelled"
  | "Unauthorized"
  | "Unavailable"
  | "Unexpected";

/** The stable code of an {@link ErrorKind}, the same in every language. */
export type ErrorCode =
  | "not_found"
  | "already_exists"
  | "conflict"
  | "invalid_input"
  | "unsupported"
  | "corrupted"
  | "executor_failed"
  | "resource_exhausted"
  | "timeout"
  | "cancelled"
  | "unauthorized"
  | "unavailable"
  | "unexpected";

/** What a {@link YmirError} is made with, beside its message. */
export interface YmirErrorOptions {
  /** The kind; `Unexpected` if none is given. */
  readonly kind?: ErrorKind;
  /** What is concerned: a path, a name, a field. */
  readonly context?: Readonly<Record<string, string>>;
  /** Whether doing the same again can succeed. */
  readonly retryable?: boolean;
  /** What it follows from; `signal.reason` for a call that was aborted. */
  readonly cause?: unknown;
}

/**
 * The one error of YMIR, from calls that return, promises and iterators alike: what was attempted,
 * on what, what was found, and what to do about it.
 *
 * An executor or label backend may throw one of its own, to say of which kind its failure is.
 *
 * @example
 * try {
 *   await workspace.dataset("train@v9");
 * } catch (error) {
 *   if (error instanceof YmirError && error.code === "not_found") return undefined;
 *   throw error;
 * }
 */
export class YmirError extends Error {
  /** The stable code of the kind. */
  readonly code: ErrorCode;
  /** The kind. */
  readonly kind: ErrorKind;
  /**
   * What is concerned: `path`, `dataset`, `field` …; also in the message. What a label backend of
   * another thread threw has its stack here, as `traceback`; of this thread, it is the cause.
   */
  readonly context: Readonly<Record<string, string>>;
  /** Whether doing the same again can succeed. */
  readonly retryable: boolean;
  /** The message without the context, where that was put into it. */
  #bare: string | undefined;

  /** Makes an error. */
  constructor(message: string, options: YmirErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = options.kind ?? "Unexpected";
    this.code = codeOf(this.kind);
    this.context = options.context ?? {};
    this.retryable = options.retryable ?? false;
  }

  /** Returns the error of a report. @internal */
  static of({ kind, retryable, message, context: all }: WireError): YmirError {
    const cause = recall(all.find(([key]) => key === TRACEBACK)?.[1]);
    const context = all.filter(([key]) => key !== TRACEBACK || cause === undefined);
    const options = { kind, retryable, context: Object.fromEntries(context), cause };
    const error = new YmirError(withContext(message, context), options);
    error.#bare = message;
    return error;
  }

  /** Returns the report of it. @internal */
  report(): WireError {
    const { kind, retryable } = this;
    const context = Object.entries(this.context).map(([key, value]): [string, string] => {
      return [key, typeof value === "string" ? value : inspect(value)];
    });
    // A program may have written a message of its own over ours.
    const bare = this.#bare ?? this.message;
    const message = this.message === withContext(bare, context) ? bare : this.message;
    return { kind, retryable, message, context };
  }
}

// Not an own property, which would be printed with every error.
Object.defineProperty(YmirError.prototype, "name", { value: "YmirError", configurable: true });

function codeOf(kind: ErrorKind): ErrorCode {
  return kind.replace(/(?<=.)[A-Z]/g, "_$&").toLowerCase() as ErrorCode;
}

/** An error as the native side writes it. @internal */
export interface WireError {
  kind: ErrorKind;
  retryable: boolean;
  message: string;
  context: [string, string][];
}

function withContext(message: string, context: WireError["context"]): string {
  // A stack is not for a line.
  const short = context.filter(([key]) => key !== TRACEBACK);
  const pairs = short.map(([key, value]) => `${key}: ${value}`).join(", ");
  return pairs === "" ? message : `${message} (${pairs})`;
}

/** What the native side puts in front of a report. */
const MARK = "ymir:";

/**
 * Returns the error of ours for one of the native side; those that are not its own, as of a value
 * of a wrong type, become ones of ours too.
 */
function fromNative(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof YmirError) return error;
  if (error.message.startsWith(MARK)) {
    return YmirError.of(JSON.parse(error.message.slice(MARK.length)) as WireError);
  }
  return new YmirError(error.message, { kind: "InvalidInput", cause: error });
}

/**
 * Returns what is to be thrown for an error of the native side, with a stack that begins at the
 * caller of a function. @internal
 */
export function thrownBy(caller: (...args: never[]) => unknown, error: unknown): unknown {
  const ours = fromNative(error);
  if (ours instanceof YmirError && ours !== error) Error.captureStackTrace(ours, caller);
  return ours;
}

/** Returns the error of a call that was aborted. @internal */
export function aborted(signal: AbortSignal): YmirError {
  return new YmirError("the call was aborted", { kind: "Cancelled", cause: signal.reason });
}

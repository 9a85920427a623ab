import { YmirError } from "./errors";
import type { ErrorKind, WireError } from "./errors";

/** Returns the report of what was thrown; of a kind, if it is no error of ours. @internal */
export function failureOf(error: unknown, otherwise: ErrorKind): WireError {
  if (error instanceof YmirError) return error.report();
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { kind: otherwise, retryable: false, message, context: [] };
}

/** Returns what a log is to say of an error: its stack, and those of its causes. @internal */
export function traceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? text : `${text}\n[cause]: ${traceOf(error.cause)}`;
}

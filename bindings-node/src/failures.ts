import { inspect } from "node:util";

import { remember, TRACEBACK } from "./causes";
import { YmirError } from "./errors";
import type { ErrorKind, WireError } from "./errors";

/** Returns the report of what was thrown; of a kind, if it is no error of ours. @internal */
export function failureOf(error: unknown, otherwise: ErrorKind): WireError {
  if (error instanceof YmirError) return error.report();
  return { kind: otherwise, retryable: false, message: messageOf(error), context: [] };
}

/**
 * Returns the report of what was thrown, as {@link failureOf} does, with the stack: for who waits
 * for it elsewhere. Who waits on this thread gets what was thrown as the cause. @internal
 */
export function tracedFailureOf(error: unknown, otherwise: ErrorKind): WireError {
  const report = failureOf(error, otherwise);
  const trace = traceOf(error);
  remember(trace, error);
  const context = report.context.filter(([key]) => key !== TRACEBACK);
  return { ...report, context: [...context, [TRACEBACK, trace]] };
}

/** Returns what a log is to say of an error: its stack, and those of its causes. @internal */
export function traceOf(error: unknown): string {
  return shown(() => chainOf(error).join("\n[cause]: "));
}

function chainOf(error: unknown): string[] {
  const chain = new Map<unknown, string>();
  while (error instanceof Error && !chain.has(error)) {
    chain.set(error, error.stack ?? `${error.name}: ${error.message}`);
    error = error.cause;
  }
  const rest = chain.size === 0 || (error !== undefined && !chain.has(error));
  if (rest) chain.set(error, typeof error === "string" ? error : inspect(error));
  return [...chain.values()];
}

function messageOf(error: unknown): string {
  if (typeof error === "string") return error;
  return shown(() =>
    error instanceof Error
      ? `${error.name}: ${error.message}`
      : inspect(error, { breakLength: Infinity }),
  );
}

/** Anything can be thrown, also what cannot be shown. */
function shown(show: () => string): string {
  try {
    return show();
  } catch {
    return "something that cannot be shown";
  }
}

/** What the stack of an error is called in the context of its report. @internal */
export const TRACEBACK = "traceback";

/** As many as can be on their way at once, and then some. */
const LIMIT = 16;

const thrown = new Map<string, unknown>();

/** Keeps what was thrown for who waits for it on this thread, by its stack. @internal */
export function remember(trace: string, error: unknown): void {
  thrown.delete(trace);
  thrown.set(trace, error);
  const [oldest] = thrown.keys();
  if (thrown.size > LIMIT && oldest !== undefined) thrown.delete(oldest);
}

/** Returns what was thrown on this thread with a stack, if it is still known. @internal */
export function recall(trace: string | undefined): unknown {
  return trace === undefined ? undefined : thrown.get(trace);
}

import { unfit } from "./checks";
import { aborted, thrownBy, YmirError } from "./errors";
import { native } from "./native";
import type { Listener, NativeCancel } from "./native";

/** What can be said about any call that waits. */
export interface CallOptions {
  /** Ends the call early: it rejects with code `cancelled` and `signal.reason` as the cause. */
  readonly signal?: AbortSignal | undefined;
}

/** Runs a call that returns at once, with errors of ours. @internal */
export function now<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw thrownBy(now, error);
  }
}

/** Awaits a call, with errors of ours. @internal */
export async function wait<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw thrownBy(wait, error);
  }
}

function checkSignal(signal: AbortSignal): void {
  if (typeof (signal as Partial<AbortSignal> | null)?.addEventListener === "function") return;
  throw unfit("signal", "an AbortSignal", signal);
}

/** Awaits a call that a signal can end. @internal */
export async function abortable<T>(
  signal: AbortSignal | undefined,
  run: (cancel: NativeCancel | undefined) => Promise<T>,
): Promise<T> {
  if (signal === undefined) return wait(() => run(undefined));
  checkSignal(signal);
  if (signal.aborted) throw aborted(signal);
  const cancel = new native.Cancel();
  const onAbort = () => cancel.cancel();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await run(cancel);
  } catch (error) {
    const ours = thrownBy(abortable, error);
    const ended = ours instanceof YmirError && ours.code === "cancelled" && signal.aborted;
    throw ended ? aborted(signal) : ours;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/**
 * Awaits a call that tells a listener what happens. If the listener throws, the call is ended and
 * rejects with what was thrown. @internal
 */
export async function listening<T>(
  signal: AbortSignal | undefined,
  listener: ((text: string) => void) | undefined,
  run: (cancel: NativeCancel | undefined, tell: Listener | undefined) => Promise<T>,
): Promise<T> {
  if (listener === undefined) return abortable(signal, (cancel) => run(cancel, undefined));
  if (signal !== undefined) checkSignal(signal);
  if (signal?.aborted) throw aborted(signal);
  const ending = new AbortController();
  const thrown: unknown[] = [];
  const tell: Listener = (text) => {
    if (text === "" || ending.signal.aborted) return;
    try {
      listener(text);
    } catch (error) {
      thrown.push(error);
      ending.abort();
    }
  };
  const onAbort = () => ending.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const result = await abortable(ending.signal, (cancel) => run(cancel, tell));
    if (thrown.length === 0) return result;
  } catch (error) {
    if (thrown.length === 0) throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
  throw thrown[0];
}

import { abortable, now, wait } from "./calls";
import type { CallOptions } from "./calls";
import { aborted, YmirError } from "./errors";
import { eventsOf } from "./events";
import type { EventOptions } from "./events";
import type { NativeTask } from "./native";
import type { LogLine, TaskEvent, TaskStatus } from "./tasks";
import type { TaskKind, Version } from "./types";
import { toVersion } from "./wire";
import type { WireVersion } from "./wire";
import { toTaskStatus } from "./wire-tasks";
import type { WireTaskStatus } from "./wire-tasks";

type Open<T> = (version: Version) => Promise<T>;

/**
 * A task that was started, or whose result was there already: a training, a mining or an
 * inference. One that runs keeps the program that started it alive.
 *
 * @example
 * const task = await workspace.train({ ... });
 * for await (const event of task.events()) if (event.type === "progress") console.log(event.fraction);
 * const model = await task.wait();
 */
export class Task<T> {
  /** What it does: `train`, `mine` or `infer`. */
  readonly kind: TaskKind;
  readonly #native: NativeTask;
  readonly #open: Open<T>;
  readonly #signal: AbortSignal | undefined;

  /**
   * Ties a task that this program started to a signal, and keeps the program alive until it has
   * ended, as the task would end with it. @internal
   */
  constructor(native: NativeTask, kind: TaskKind, open: Open<T>, start?: CallOptions) {
    this.kind = kind;
    this.#native = native;
    this.#open = open;
    this.#signal = start?.signal;
    if (start === undefined) return;
    const { signal } = start;
    // A failure to cancel, or to wait, shows where the task is waited for.
    const cancel = () => void native.cancel().catch(() => undefined);
    if (signal?.aborted) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    const ended = () => signal?.removeEventListener("abort", cancel);
    native.wait().then(ended, ended);
  }

  /** Its id; `null` if the result was there already and nothing was started. */
  get id(): string | null {
    return now(() => this.#native.id);
  }

  /** Returns what is known of it; `null` if nothing was started. */
  async status(): Promise<TaskStatus | null> {
    const status = JSON.parse(await wait(() => this.#native.status())) as WireTaskStatus | null;
    return status && toTaskStatus(status);
  }

  /** Returns the log so far, as far as it is kept. */
  async log(): Promise<LogLine[]> {
    return JSON.parse(await wait(() => this.#native.log())) as LogLine[];
  }

  /** Yields its events, up to that of its last state. */
  events(options: EventOptions = {}): AsyncGenerator<TaskEvent, void, undefined> {
    return eventsOf((after) => this.#native.events(after), options);
  }

  /** Asks it to stop. */
  async cancel(): Promise<void> {
    await wait(() => this.#native.cancel());
  }

  /**
   * Waits for its end and returns what it made; rejects with the error that it ended with. The
   * signal given here ends the waiting alone, not the task.
   */
  async wait({ signal }: CallOptions = {}): Promise<T> {
    const [version] = await this.versions({ signal });
    if (version === undefined) throw new YmirError("the task made nothing");
    return this.#open(version);
  }

  /** Waits as {@link Task.wait} does; returns all versions that it made, the main one first. */
  async versions({ signal }: CallOptions = {}): Promise<Version[]> {
    try {
      const text = await abortable(signal, (cancel) => this.#native.wait(cancel));
      return (JSON.parse(text) as WireVersion[]).map(toVersion);
    } catch (error) {
      const stopped = error instanceof YmirError && error.code === "cancelled";
      throw stopped && this.#signal?.aborted && !signal?.aborted ? aborted(this.#signal) : error;
    }
  }
}

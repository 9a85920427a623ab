import { abortable, now } from "./calls";
import type { CallOptions } from "./calls";
import type { NativeEvents } from "./native";
import type { TaskEvent } from "./tasks";
import { toTaskEvent } from "./wire-tasks";
import type { WireTaskEvent } from "./wire-tasks";

/** Which events are wanted. */
export interface EventOptions extends CallOptions {
  /** Only those after this sequence number; 0, the default, for all that are kept. */
  readonly after?: number;
}

/** Yields events until there are no more or the loop is left. @internal */
export async function* eventsOf(
  open: (after: number) => NativeEvents,
  { after = 0, signal }: EventOptions,
): AsyncGenerator<TaskEvent, void, undefined> {
  const events = now(() => open(after));
  try {
    for (;;) {
      const batch = await abortable(signal, (cancel) => events.next(cancel));
      if (batch === null) return;
      for (const event of JSON.parse(batch) as WireTaskEvent[]) yield toTaskEvent(event);
    }
  } finally {
    events.close();
  }
}

// The projects that this server carries on, and who listens to what happens to them.
import { EventEmitter } from "node:events";

/** How many events of a project are kept for those who listen later. */
const KEPT = 500;

/** One project: the run that goes on, if one does, and its events. */
class Run extends EventEmitter {
  events = [];
  controller;
  ended;

  tell(type, data) {
    const event = { id: (this.events.at(-1)?.id ?? 0) + 1, type, data };
    this.events.push(event);
    if (this.events.length > KEPT) this.events.shift();
    this.emit("event", event);
  }
}

/** Carries projects on in the background. */
export class Runs {
  #runs = new Map();

  of(name) {
    if (!this.#runs.has(name)) this.#runs.set(name, new Run().setMaxListeners(0));
    return this.#runs.get(name);
  }

  isRunning(name) {
    return this.#runs.get(name)?.controller !== undefined;
  }

  /** Starts to carry a project on; returns false if it is being carried on already. */
  start(project, log) {
    const run = this.of(project.name);
    if (run.controller !== undefined) return false;
    run.controller = new AbortController();
    run.ended = this.#follow(project, run)
      .catch((error) => {
        if (error.code !== "cancelled") log.error(error);
        run.tell("failed", { code: error.code, message: error.message });
      })
      .finally(() => (run.controller = undefined));
    return true;
  }

  async #follow(project, run) {
    const onEvent = (event) => run.tell(event.type, event);
    const iterations = project.iterate({ signal: run.controller.signal, onEvent });
    for (;;) {
      const { done, value } = await iterations.next();
      if (done) return run.tell("ended", value);
      run.tell("iteration", value);
    }
  }

  /** Stops what runs of a project; it can be carried on later. */
  async cancel(name) {
    const run = this.#runs.get(name);
    run?.controller?.abort(new Error("the server was asked to stop this run"));
    await run?.ended;
  }

  async close() {
    await Promise.all([...this.#runs.keys()].map((name) => this.cancel(name)));
    for (const run of this.#runs.values()) run.emit("close");
  }
}

import { randomUUID } from "node:crypto";

import { now } from "./calls";
import { YmirError } from "./errors";
import { infoOf, running } from "./executor";
import type { Executor } from "./executor";
import { answering, checkBackend } from "./labeling";
import type { LabelBackend } from "./labeling";
import type { NativeWorkspace } from "./native";
import type { Registry } from "./requests";

/** The executors and label backends that an open workspace was given. @internal */
export class HostObjects implements Registry {
  readonly #native: NativeWorkspace;
  readonly #executors = new Map<string, Executor>();
  readonly #labelers = new Map<string, LabelBackend>();

  constructor(native: NativeWorkspace) {
    this.#native = native;
  }

  /** Returns what an executor is named by; registers it, unless it is the one of its name. */
  executor(executor: string | Executor, as?: string): string {
    if (typeof executor === "string") return executor;
    const name = as ?? nameOf(executor, "an executor");
    if (this.#executors.get(name) === executor) return `host:${name}`;
    const digest = `js:${name}:${executor.version ?? randomUUID()}`;
    const named = now(() =>
      this.#native.registerExecutor(name, infoOf(executor, digest), running(executor)),
    );
    this.#executors.set(name, executor);
    return named;
  }

  /** Returns the name of a label backend; registers it, unless it is the one of its name. */
  labeler(backend: LabelBackend, as?: string): string {
    const name = as ?? nameOf(backend, "a label backend");
    if (this.#labelers.get(name) === backend) return name;
    checkBackend(backend);
    now(() => this.#native.registerLabeler(name, answering(backend)));
    this.#labelers.set(name, backend);
    return name;
  }
}

function nameOf(object: { readonly name?: string }, what: string): string {
  const name = object.name ?? object.constructor?.name;
  if (name !== undefined && name !== "" && name !== "Object") return name;
  const message = `${what} needs a name: a property \`name\`, or a class of its own`;
  throw new YmirError(message, { kind: "InvalidInput" });
}

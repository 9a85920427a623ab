import { randomUUID } from "node:crypto";
import { inspect } from "node:util";

import { now } from "./calls";
import { YmirError } from "./errors";
import { infoOf, running } from "./executor";
import type { Executor } from "./executor";
import { answering, capabilitiesOf, checkBackend } from "./labeling";
import type { LabelBackend } from "./labeling";
import type { NativeWorkspace } from "./native";
import type { Registry } from "./requests";

interface Registered {
  readonly executor: Executor;
  readonly digest: string;
}

/** The executors and label backends that an open workspace was given. @internal */
export class HostObjects implements Registry {
  readonly #native: NativeWorkspace;
  readonly #executors = new Map<string, Registered>();
  readonly #labelers = new Map<string, LabelBackend>();
  readonly #warned = new Set<string>();

  constructor(native: NativeWorkspace) {
    this.#native = native;
  }

  /**
   * Registers an executor and returns what it is named by. One without a version can have changed
   * since it was given before, as its fields can: it is another one each time.
   */
  executor(executor: string | Executor, as?: string): string {
    if (typeof executor === "string") return executor;
    const name = nameOf(executor, EXECUTOR, as);
    const registered = { executor, digest: `js:${name}:${executor.version ?? randomUUID()}` };
    if (as === undefined && executor.name === undefined) this.#warn(name, registered);
    return this.#register(name, registered);
  }

  /** Returns what an executor is named by that is only looked at: it stays the one it is. */
  inspected(executor: string | Executor): string {
    if (typeof executor === "string") return executor;
    const name = nameOf(executor, EXECUTOR);
    const known = this.#executors.get(name);
    return known?.executor === executor ? this.#register(name, known) : this.executor(executor);
  }

  #register(name: string, registered: Registered): string {
    const { executor, digest } = registered;
    const named = now(() =>
      this.#native.registerExecutor(name, infoOf(executor, digest), running(executor)),
    );
    this.#executors.set(name, registered);
    return named;
  }

  /** Warns, once per name, where a class names two executors that are not the same. */
  #warn(name: string, { executor, digest }: Registered): void {
    const known = this.#executors.get(name);
    if (known === undefined || known.executor === executor || known.digest === digest) return;
    if (this.#warned.has(name)) return;
    this.#warned.add(name);
    process.emitWarning(
      `another executor of class ${name} replaces the earlier one for projects that use ` +
        `host:${name}; give it a \`name\` to keep both`,
      "YmirWarning",
    );
  }

  /** Returns the name of a label backend; registers it, unless it is the one of its name. */
  labeler(backend: LabelBackend, as?: string): string {
    const name = nameOf(backend, LABELER, as);
    if (this.#labelers.get(name) === backend) return name;
    checkBackend(backend);
    now(() => this.#native.registerLabeler(name, capabilitiesOf(backend), answering(backend)));
    this.#labelers.set(name, backend);
    return name;
  }
}

const EXECUTOR = "an executor is an object with train/infer/mine";
const LABELER = "a label backend is an object with create, status, annotations and cancel";

/** Returns the name of an object; fails for what is none, such as the class of one. */
function nameOf(object: { readonly name?: string }, what: string, as?: string): string {
  if (typeof object !== "object" || object === null) {
    const hint = typeof object === "function" ? "; pass an instance: new X()" : "";
    const message = `${what}, not ${inspect(object)}${hint}`;
    throw new YmirError(message, { kind: "InvalidInput" });
  }
  const name = as ?? object.name ?? object.constructor?.name;
  if (name !== undefined && name !== "" && name !== "Object") return name;
  const message = `${what}, and a name: a property \`name\`, or a class of its own`;
  throw new YmirError(message, { kind: "InvalidInput" });
}

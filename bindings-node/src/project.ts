import { listening, now, wait } from "./calls";
import type { CallOptions } from "./calls";
import type { ProjectChanges } from "./definition";
import { Iteration } from "./iteration";
import type { Specs, WireIteration } from "./iteration";
import { jsonOf } from "./json";
import type { NativeProject } from "./native";
import type {
  Advance,
  EndReason,
  LoopEnd,
  LoopEvent,
  ProjectState,
  Waiting,
} from "./project-types";
import { changesToWire } from "./requests";
import type { Registry } from "./requests";
import type { Parameters } from "./types";
import { toLoopEvent, toProjectState } from "./wire-project";
import type { WireLoopEvent, WireProjectState } from "./wire-project";

/** How a project is carried on. */
export interface RunOptions extends CallOptions {
  /** How many assets to choose per iteration, in place of the definition's number. */
  readonly labels?: number;
  /** Parameters of the executor; they go before the project's. */
  readonly parameters?: Parameters;
  /** Is told what happens. */
  readonly onEvent?: ((event: LoopEvent) => void) | undefined;
}

/** How a project is carried on, where it can also stop at missing labels. */
export interface StepOptions extends RunOptions {
  /** Whether to wait for the labeler; `true` unless given. */
  readonly wait?: boolean;
}

type Turn = { finished: WireIteration } | { waiting: Waiting } | { ended: EndReason };

/**
 * A project: the loop over mining, labeling, training and evaluation, kept in the workspace, so
 * that any process can go on with it.
 *
 * @example
 * for await (const iteration of project.iterate()) {
 *   console.log(iteration.number, iteration.metric);
 * }
 */
export class Project {
  readonly #native: NativeProject;
  readonly #registry: Registry;

  /** @internal */
  constructor(native: NativeProject, registry: Registry) {
    this.#native = native;
    this.#registry = registry;
  }

  /** Its name. */
  get name(): string {
    return now(() => this.#native.name);
  }

  /** Returns the definition and all that was done. */
  async state(): Promise<ProjectState> {
    return read(await wait(() => this.#native.state()));
  }

  /** Changes fields of the definition: a new target, budget or parameter. What is done stays. */
  async update(changes: ProjectChanges): Promise<ProjectState> {
    const wire = now(() => changesToWire(changes, this.#registry));
    return read(await wait(() => this.#native.update(jsonOf(wire))));
  }

  /** Ends the loop for good, until the definition is changed. */
  async stop(): Promise<void> {
    await wait(() => this.#native.stop());
  }

  /** Does the step that comes next. Aborting it stops its task; it can then be done again. */
  async advance(options: StepOptions = {}): Promise<Advance> {
    const text = await listening(options.signal, listener(options), (cancel, tell) =>
      this.#native.advance(stepsToWire(options), cancel, tell),
    );
    return JSON.parse(text) as Advance;
  }

  /**
   * Carries the project on and yields each iteration when it is finished, until the loop ends or
   * is left; with `wait: false` also until labels are missing. Between two iterations nothing
   * runs. Aborting stops the step that runs; carrying the project on again does it anew.
   */
  async *iterate(options: StepOptions = {}): AsyncGenerator<Iteration, LoopEnd, undefined> {
    for (;;) {
      const text = await listening(options.signal, listener(options), (cancel, tell) =>
        this.#native.nextIteration(stepsToWire(options), cancel, tell),
      );
      const [turn, specs] = JSON.parse(text) as [Turn, Specs];
      if (!("finished" in turn)) return turn;
      yield new Iteration(this.name, turn.finished, specs);
    }
  }

  /** Carries the project on until it ends, and returns why it did. */
  async run(options: RunOptions = {}): Promise<EndReason> {
    const iterations = this.iterate({ ...options, wait: true });
    for (;;) {
      const { done, value } = await iterations.next();
      if (done && "ended" in value) return value.ended;
    }
  }
}

function read(text: string): ProjectState {
  return toProjectState(JSON.parse(text) as [WireProjectState, Specs]);
}

function listener({ onEvent }: RunOptions): ((text: string) => void) | undefined {
  return onEvent && ((text) => onEvent(toLoopEvent(JSON.parse(text) as WireLoopEvent)));
}

function stepsToWire({ labels, parameters, wait = true }: StepOptions): string {
  return jsonOf({ labels, parameters, wait });
}

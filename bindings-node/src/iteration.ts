import type { Step, StepResult } from "./project-types";
import type { Metrics } from "./types";

/** The specs of versions by their ids. @internal */
export type Specs = Record<string, string>;

/** @internal */
export interface WireIteration {
  number: number;
  started: string;
  updated: string;
  results: StepResult[];
}

/** One turn of the loop. Versions are specs that a workspace opens; `null` if not made yet. */
export class Iteration {
  /** The name of its project. */
  readonly project: string;
  /** Its number, counted from 1. */
  readonly number: number;
  /** When it began. */
  readonly started: Date;
  /** When its last step so far was finished. */
  readonly updated: Date;
  /** The results of its finished steps, in their order. */
  readonly results: readonly StepResult[];
  /** Whether all its steps are done. */
  readonly isFinished: boolean;
  /** The average precision at IoU 0.5 on the validation set, 0 to 1. */
  readonly metric: number | null;
  /** The figures of its evaluation, by name. */
  readonly metrics: Metrics;
  /** The dataset that assets were chosen from. */
  readonly candidates: string | null;
  /** The dataset of the chosen assets. */
  readonly selected: string | null;
  /** The dataset of the labeled assets. */
  readonly labeled: string | null;
  /** The number of the labeled assets. */
  readonly labeledCount: number | null;
  /** The training set. */
  readonly training: string | null;
  /** The model. */
  readonly model: string | null;
  /** What the model said about the validation set. */
  readonly predictions: string | null;
  /** What the model before it said about the chosen assets. */
  readonly preAnnotations: string | null;

  /** @internal */
  constructor(project: string, wire: WireIteration, specs: Specs) {
    const spec = (id: string | null | undefined) => (id ? (specs[id] ?? null) : null);
    this.project = project;
    this.number = wire.number;
    this.started = new Date(wire.started);
    this.updated = new Date(wire.updated);
    this.results = wire.results;
    const [mined, labeled] = [this.result("mine"), this.result("label")];
    const evaluated = this.result("evaluate");
    this.isFinished = evaluated !== null;
    this.metric = evaluated?.metric ?? null;
    this.metrics = evaluated?.metrics ?? {};
    this.candidates = spec(this.result("prepare_mining")?.candidates);
    this.selected = spec(mined?.selected);
    this.labeled = spec(labeled?.labeled);
    this.labeledCount = labeled?.count ?? null;
    this.training = spec(this.result("prepare_training")?.training);
    this.model = spec(this.result("train")?.model);
    this.predictions = spec(evaluated?.predictions);
    this.preAnnotations = spec(mined?.predictions);
  }

  /** Returns the result of a step; `null` if it is not finished. */
  result<S extends Step>(step: S): Extract<StepResult, { readonly step: S }> | null {
    type Wanted = Extract<StepResult, { readonly step: S }>;
    return this.results.find((result): result is Wanted => result.step === step) ?? null;
  }
}

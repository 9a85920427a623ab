import type { ProjectDefinition } from "./definition";
import type { Iteration } from "./iteration";
import type { LabelStatus } from "./labeling";
import type { TaskEvent } from "./tasks";
import type { Metrics, Progress } from "./types";

/** The steps of an iteration, in their order. */
export type Step = "prepare_mining" | "mine" | "label" | "prepare_training" | "train" | "evaluate";

/** What a finished step made; versions by their ids. */
export type StepResult =
  | { readonly step: "prepare_mining"; readonly candidates: string; readonly count: number }
  | {
      readonly step: "mine";
      readonly selected: string;
      readonly count: number;
      /** What the model said about them, if there was one. */
      readonly predictions: string | null;
    }
  | { readonly step: "label"; readonly labeled: string; readonly count: number }
  | { readonly step: "prepare_training"; readonly training: string; readonly count: number }
  | { readonly step: "train"; readonly model: string }
  | {
      readonly step: "evaluate";
      readonly predictions: string;
      /** The average precision at IoU 0.5, 0 to 1. */
      readonly metric: number;
      /** All figures by name; those of a class as `AP50/<class>`. */
      readonly metrics: Metrics;
    };

/** Who labels, as it is recorded; `truth` is a spec. */
export type LabelerDefinition =
  | { readonly oracle: { readonly truth: string } }
  | { readonly folder: { readonly path: string } }
  | { readonly custom: string };

/** A project with all that it has done. */
export interface ProjectState {
  /** The definition. */
  readonly definition: ProjectDefinition;
  /** The iterations so far; only the last may be unfinished. */
  readonly iterations: readonly Iteration[];
  /** Whether the user ended the loop. */
  readonly stopped: boolean;
}

/** Why a project's loop ended. */
export type EndReason = "target_reached" | "pool_exhausted" | "budget_exhausted" | "stopped";

/** A step that would have to wait for the labeler. */
export interface Waiting {
  /** The iteration, counted from 1. */
  readonly iteration: number;
  /** How far the labeler is. */
  readonly status: LabelStatus;
}

/** What one step of a project did: it was finished, waits for labels, or the loop has ended. */
export type Advance =
  | { readonly finished: { readonly iteration: number; readonly result: StepResult } }
  | { readonly waiting: Waiting }
  | { readonly ended: EndReason };

/** How iterating over a project ended: why the loop has, or that it waits for labels. */
export type LoopEnd = { readonly ended: EndReason } | { readonly waiting: Waiting };

/** What happens while a project is carried on. */
export type LoopEvent =
  | { readonly type: "started"; readonly iteration: number; readonly step: Step }
  /** Images are looked at, to leave out near-duplicates. */
  | { readonly type: "preparing"; readonly progress: Progress }
  | { readonly type: "task"; readonly event: TaskEvent }
  | {
      readonly type: "labeling";
      readonly status: LabelStatus;
      /** Who is waited for, and where: `people, in /home/me/to-label`, for example. */
      readonly labeler: string;
    }
  | {
      readonly type: "finished";
      readonly iteration: number;
      readonly result: StepResult;
      /** How long the step took, in seconds. */
      readonly elapsed: number;
    };

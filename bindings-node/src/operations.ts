import type { CallOptions } from "./calls";
import type { Progress, Summary } from "./types";

/** How a version is made of others. */
export interface OperationOptions extends CallOptions {
  /** Is told how far it is, in records. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** How two datasets are joined. */
export interface MergeOptions extends CallOptions {
  /** What to do with an asset that both have with different annotations; `stop` unless given. */
  readonly strategy?: "stop" | "ours" | "theirs";
}

/** How records are chosen by chance. */
export interface SampleOptions extends CallOptions {
  /** The same records are chosen for the same seed; 0 unless given. */
  readonly seed?: number;
}

/** A part of a split. */
export interface Part {
  /** The name of the dataset that it becomes a version of. */
  readonly name: string;
  /** Its share of the assets, above 0 and up to 1. */
  readonly fraction: number;
}

/** How a dataset is divided. */
export interface SplitOptions extends OperationOptions {
  /** The parts; what they leave of 1 is in none of them. */
  readonly parts: readonly Part[];
  /** The same records come into the same parts for the same seed; 0 unless given. */
  readonly seed?: number;
  /** Whether classes are spread without regard to how rare they are; `false` unless given. */
  readonly unstratified?: boolean;
}

/** What becomes of classes, by name: another name, or `null` where their annotations are dropped. */
export type Relabeling = Readonly<Record<string, string | null>>;

/** The counts of what differs between two versions. */
export interface Comparison {
  /** Of the records that only the second has. */
  readonly added: Summary;
  /** Of the records that only the first has. */
  readonly removed: Summary;
  /** Of the records that both have and that differ, as they are in the first. */
  readonly before: Summary;
  /** Of the same records as they are in the second. */
  readonly after: Summary;
}

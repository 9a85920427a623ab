import type { CallOptions } from "./calls";
import { jsonOf } from "./json";
import type { UnknownClasses } from "./requests";
import type { Progress, Spec, Summary } from "./types";
import { specOf } from "./wire";

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

/** How a version is copied into another workspace. */
export interface CopyOptions extends OperationOptions {
  /** How image files are taken over; `hard_link` unless given. */
  readonly transfer?: "copy" | "hard_link";
  /** What to do with classes that the other workspace does not know; `add` unless given. */
  readonly unknownClasses?: UnknownClasses;
  /** Whether the image files are left out, which the other workspace then lacks. */
  readonly withoutFiles?: boolean;
}

/** What a copy of a version that git fetched from another workspace is made of. */
export interface CopyFetchedOptions extends CopyOptions {
  /** The dataset that gets the copy; of the same name unless given. */
  readonly into?: string;
  /** What it is a version of; a dataset unless given. */
  readonly kind?: "dataset" | "prediction";
}

/** @internal */
export function copyToWire({ transfer, unknownClasses, withoutFiles }: CopyOptions): string {
  return jsonOf({
    transfer,
    unknown_classes: unknownClasses,
    without_files: withoutFiles,
  });
}

/** What counts as alike. */
export interface AlikeOptions extends OperationOptions {
  /**
   * In how many of 64 bits two images may differ: 0 to 3 finds the same picture in another size or
   * compression, 10 one with small changes; at most 16. 3 unless given.
   */
  readonly distance?: number;
}

/** What {@link AlikeOptions.distance} is unless given. @internal */
export const ALIKE = 3;

/** How datasets are joined. */
export interface FuseOptions extends OperationOptions {
  /**
   * What to do with an asset that several have with different annotations: fail, or keep those of
   * the first (`ours`) or last (`theirs`); `stop` unless given.
   */
  readonly strategy?: "stop" | "ours" | "theirs";
  /** The datasets whose assets are left out. */
  readonly excluded?: readonly Spec[];
  /** Which of the joined records are kept, see {@link Dataset.query}. */
  readonly query?: string;
  /** How many of these are taken by chance. */
  readonly count?: number;
  /** Which share of these is taken by chance, 0 to 1, in place of a count. */
  readonly rate?: number;
  /** The same records are chosen for the same seed; 0 unless given. */
  readonly seed?: number;
}

/** @internal */
export function fuseToWire(sources: readonly Spec[], into: string, options: FuseOptions): string {
  const { strategy, excluded = [], query, count, rate, seed } = options;
  return jsonOf({
    sources: sources.map(specOf),
    into,
    excluded: excluded.map(specOf),
    ...{ strategy, query, count, rate, seed },
  });
}

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

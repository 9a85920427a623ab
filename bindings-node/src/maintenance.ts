import type { CallOptions } from "./calls";

/** What a check of the store looks at. */
export interface FsckOptions extends CallOptions {
  /** Also reads every file and checks its hash; without, only that it is there. */
  readonly blobs?: boolean;
}

/** What a check of the store found. */
export interface FsckReport {
  /** Versions that were looked at. */
  readonly versions: number;
  /** Nodes of tries that were read; those that versions share, once. */
  readonly nodes: number;
  /** Different assets in all versions. */
  readonly assets: number;
  /** Image and model files that versions need. */
  readonly blobs: number;
  /** Their bytes. */
  readonly blobBytes: number;
  /** What is wrong; nothing where all is well. */
  readonly problems: readonly {
    /** What is damaged or missing. */
    readonly subject: string;
    /** The version by which it was come upon. */
    readonly version?: string;
    /** What is wrong with it, and what can be done. */
    readonly message: string;
  }[];
}

/** What may be deleted. */
export interface GarbageOptions extends CallOptions {
  /** Deletes nothing, only tells what would be. */
  readonly dryRun?: boolean;
  /** Files younger than this many seconds are kept; a day unless given. */
  readonly grace?: number;
}

/** What was deleted, or would be. */
export interface GarbageReport {
  /** Files that no version reaches, and those of broken-off imports. */
  readonly blobs: number;
  /** Their bytes. */
  readonly bytes: number;
  /** Files that no version reaches, kept because they are young. */
  readonly keptYoung: number;
  /** Files that versions reach. */
  readonly inUse: number;
}

/** @internal */
export function toFsckReport(text: string): FsckReport {
  type Wire = Omit<FsckReport, "blobBytes"> & { blob_bytes: number };
  const { blob_bytes, ...rest } = JSON.parse(text) as Wire;
  return { ...rest, blobBytes: blob_bytes };
}

/** @internal */
export function toGarbageReport(text: string): GarbageReport {
  type Wire = { blobs: number; bytes: number; kept_young: number; in_use: number };
  const { blobs, bytes, kept_young, in_use } = JSON.parse(text) as Wire;
  return { blobs, bytes, keptYoung: kept_young, inUse: in_use };
}

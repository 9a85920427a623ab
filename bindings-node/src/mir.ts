import type { CallOptions } from "./calls";
import { jsonOf } from "./json";
import { pathOf } from "./paths";
import type { UnknownClasses } from "./requests";
import type { Progress, Version } from "./types";
import { toVersion } from "./wire";
import type { WireVersion } from "./wire";

/** How a repository of the original YMIR is brought in. */
export interface MirOptions extends CallOptions {
  /** The folder of the images, where it is not `ymir-assets` near the repository. */
  readonly media?: string | URL;
  /** The folder of the model packages, where it is not `ymir-models` near the repository. */
  readonly models?: string | URL;
  /** The class table, where it is not in or beside the repository. */
  readonly labels?: string | URL;
  /** Put before the name of each dataset, prediction set and model. */
  readonly prefix?: string;
  /** How image files are taken over; `copy` unless given. */
  readonly transfer?: "copy" | "hard_link";
  /** What to do with classes that the workspace does not have; `add` unless given. */
  readonly unknownClasses?: UnknownClasses;
  /** Is told how far the import is, in images. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** A version of a dataset of the original. */
export interface MirVersion {
  /** The original's name, `branch@task`. */
  readonly name: string;
  /** The original's commit. */
  readonly commit: string;
  /** The version it became. */
  readonly version: Version;
  /** The prediction set beside it, if there were predictions. */
  readonly predictions: Version | null;
  /** Whether it was made now; else it had been imported before. */
  readonly isNew: boolean;
  /** Assets that the original has. */
  readonly assets: number;
  /** Assets among them that were left out. */
  readonly leftOut: number;
}

/** A model of the original. */
export interface MirModel {
  /** The tag of the task that made it. */
  readonly name: string;
  /** The SHA-1 of its package. */
  readonly hash: string;
  /** The version it became; `null` without its package. */
  readonly version: Version | null;
  /** Whether that was made now. */
  readonly isNew: boolean;
  /** Why it became none. */
  readonly reason: string | null;
}

/** What the import of a repository of the original did; nothing is left out of its lists. */
export interface MirReport {
  /** The folder that the images were taken from; `null` if none were needed. */
  readonly media: string | null;
  /** The file that the class table was read from. */
  readonly labels: string | null;
  /** The branches and the datasets that they became, with the number of their versions. */
  readonly datasets: readonly {
    readonly branch: string;
    readonly name: string;
    readonly versions: number;
  }[];
  /** The versions, none before what it was made from. */
  readonly versions: readonly MirVersion[];
  /** What became no version: why, for programs (`kind`) and for people (`reason`). */
  readonly skipped: readonly {
    readonly name: string;
    readonly commit: string;
    readonly kind: "empty" | "failed" | "damaged" | "no_dataset" | "no_commit" | "no_images";
    readonly reason: string;
  }[];
  /** The classes by the original's numbers, and what they are here: `id`, if there is one. */
  readonly classes: readonly {
    readonly number: number;
    readonly name: string;
    readonly id: number | null;
    readonly outcome: "mapped" | "added" | "kept" | "ignored";
    readonly annotations: number;
  }[];
  /** The models. */
  readonly models: readonly MirModel[];
  /** Images that are in the workspace now; 0 if all had been imported before. */
  readonly images: number;
  /** Images that versions were made without, and why. */
  readonly leftOut: readonly {
    readonly sha1: string;
    readonly fileName: string;
    readonly versions: number;
    readonly kind: "missing" | "wrong_content" | "bad_image" | "unreadable";
    readonly reason: string;
  }[];
  /** What else the original has and the new versions do not, and how often. */
  readonly notCarried: readonly {
    readonly name: string;
    readonly what: string;
    readonly count: number;
  }[];
}

/** @internal */
export function mirToWire(options: MirOptions): string {
  const { media, models, labels, prefix, transfer, unknownClasses } = options;
  const path = (given: string | URL | undefined) => given && pathOf(given);
  return jsonOf({
    media: path(media),
    models: path(models),
    labels: path(labels),
    prefix,
    transfer,
    unknown_classes: unknownClasses,
  });
}

type Entry<List extends readonly unknown[]> = List[number];

interface WireMirReport extends Pick<MirReport, "media" | "labels" | "datasets" | "images"> {
  versions: {
    name: string;
    commit: string;
    version: WireVersion;
    predictions: WireVersion | null;
    is_new: boolean;
    assets: number;
    left_out: number;
  }[];
  skipped: Entry<MirReport["skipped"]>[];
  classes: (Omit<Entry<MirReport["classes"]>, "id"> & { class: number | null })[];
  models: (Omit<MirModel, "version" | "isNew"> & {
    version: WireVersion | null;
    is_new: boolean;
  })[];
  left_out: (Omit<Entry<MirReport["leftOut"]>, "fileName"> & { file_name: string })[];
  not_carried: Entry<MirReport["notCarried"]>[];
}

const versionOrNull = (wire: WireVersion | null) => wire && toVersion(wire);

/** @internal */
export function toMirReport(text: string): MirReport {
  const wire = JSON.parse(text) as WireMirReport;
  const { media, labels, datasets, images } = wire;
  return {
    media,
    labels,
    datasets,
    versions: wire.versions.map(({ name, commit, assets, ...rest }) => ({
      name,
      commit,
      version: toVersion(rest.version),
      predictions: versionOrNull(rest.predictions),
      isNew: rest.is_new,
      assets,
      leftOut: rest.left_out,
    })),
    skipped: wire.skipped.map(({ name, commit, kind, reason }) => ({ name, commit, kind, reason })),
    classes: wire.classes.map(({ number, name, outcome, annotations, class: id }) => ({
      number,
      name,
      id,
      outcome,
      annotations,
    })),
    models: wire.models.map(({ name, hash, version, is_new, reason }) => ({
      name,
      hash,
      version: versionOrNull(version),
      isNew: is_new,
      reason,
    })),
    images,
    leftOut: wire.left_out.map(({ file_name, ...rest }) => ({ ...rest, fileName: file_name })),
    notCarried: wire.not_carried,
  };
}

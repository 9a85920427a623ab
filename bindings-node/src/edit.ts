import type { CallOptions } from "./calls";
import { nothingElse } from "./checks";
import type { Found } from "./found";
import { jsonOf } from "./json";
import type { UnknownClasses } from "./requests";
import type { Spec, Version } from "./types";
import { specOf, toVersion } from "./wire";
import type { WireVersion } from "./wire";

/** A ground-truth annotation; without a box it is a label of the whole image. */
export type EditAnnotation = Omit<Found, "bbox"> & Partial<Pick<Found, "bbox">>;

type Attribute = string | number | boolean;

/**
 * One change of a dataset. Those that count annotations, from 0, need the version in which they
 * were counted.
 */
export type Edit =
  /** Puts the image of a file in, in place of the record of the same image. */
  | {
      readonly op: "put_image";
      readonly file: string;
      readonly attributes?: Readonly<Record<string, Attribute>>;
      readonly annotations?: readonly EditAnnotation[];
    }
  /** Puts a record in, whose image the workspace has; its asset as plain data. */
  | { readonly op: "put"; readonly asset: object; readonly annotations?: readonly EditAnnotation[] }
  /** Sets attributes of an asset; `null` removes one. */
  | {
      readonly op: "set_attributes";
      readonly asset: string;
      readonly attributes: Readonly<Record<string, Attribute | null>>;
    }
  /** Replaces all annotations of an asset, or adds to them. */
  | {
      readonly op: "set_annotations" | "add_annotations";
      readonly asset: string;
      readonly annotations: readonly EditAnnotation[];
    }
  /** Replaces one annotation of an asset. */
  | {
      readonly op: "replace_annotation";
      readonly asset: string;
      readonly index: number;
      readonly annotation: EditAnnotation;
    }
  /** Removes annotations of an asset. */
  | {
      readonly op: "remove_annotations";
      readonly asset: string;
      readonly indices: readonly number[];
    }
  /** Takes the record of an asset out. */
  | { readonly op: "remove"; readonly asset: string };

/** How a version of a dataset is edited. */
export interface DatasetEditOptions extends CallOptions {
  /** Why, for people: the commit message. */
  readonly message?: string;
  /** What to do with class names that the workspace does not have; `stop` unless given. */
  readonly unknownClasses?: UnknownClasses;
}

/** How a dataset is edited. */
export interface EditOptions extends DatasetEditOptions {
  /**
   * The version that the edits were made for. If it is not the newest any more, nothing changes and
   * the call rejects with `conflict`. Without it the edits apply to the newest version.
   */
  readonly expect?: Spec;
  /** Makes the dataset if there is none of its name; `false` unless given. */
  readonly create?: boolean;
}

/** What an edit changed. */
export interface EditReport {
  /** The version with the changes; the newest there was, if nothing changed. */
  readonly version: Version;
  /** Whether nothing changed, so that no version was made. */
  readonly unchanged: boolean;
  /** Records that are new. */
  readonly added: number;
  /** Records that are different. */
  readonly changed: number;
  /** Records that are gone. */
  readonly removed: number;
  /** Annotations that are new or different. */
  readonly annotationsAdded: number;
  /** Annotations that are gone or different. */
  readonly annotationsRemoved: number;
  /** Classes that were added to the workspace. */
  readonly classesAdded: readonly string[];
  /** Annotations that were left out because of their unknown class. */
  readonly annotationsIgnored: number;
}

/** @internal */
export function editToWire(name: string, edits: readonly Edit[], options: EditOptions): string {
  const { message, expect, unknownClasses, create, signal: _signal, ...rest } = options;
  nothingElse(rest);
  return jsonOf({
    dataset: name,
    edits,
    message,
    ...(expect === undefined ? {} : { expect: specOf(expect) }),
    unknown_classes: unknownClasses,
    create,
  });
}

interface WireEditReport {
  version: WireVersion;
  unchanged: boolean;
  added: number;
  changed: number;
  removed: number;
  annotations_added: number;
  annotations_removed: number;
  classes_added: string[];
  annotations_ignored: number;
}

/** @internal */
export function toEditReport(text: string): EditReport {
  const wire = JSON.parse(text) as WireEditReport;
  return {
    version: toVersion(wire.version),
    unchanged: wire.unchanged,
    added: wire.added,
    changed: wire.changed,
    removed: wire.removed,
    annotationsAdded: wire.annotations_added,
    annotationsRemoved: wire.annotations_removed,
    classesAdded: wire.classes_added,
    annotationsIgnored: wire.annotations_ignored,
  };
}

/** What a branch of versions holds. */
export type Kind = "dataset" | "prediction" | "model" | "project";

/**
 * Which version is meant: `name` or `name@latest`, `name@v3`, `name@<commit>`, or a `Version`,
 * `Dataset` or `Model` itself.
 */
export type Spec = string | { readonly name: string; readonly id: string };

/** One version of a dataset, prediction set, model or project: immutable. */
export interface Version {
  /** Its id: that of its git commit. */
  readonly id: string;
  /** What it is a version of. */
  readonly kind: Kind;
  /** The name of its branch. */
  readonly name: string;
  /** Its number on the branch, counted from 1. */
  readonly number: number;
  /** The id of the version before it. */
  readonly parent: string | null;
  /** When it was committed. */
  readonly created: Date;
  /** The identity of its content: equal for two versions with equal records. */
  readonly content: string;
  /** The first line of the commit message. */
  readonly message: string;
}

/** A class of the workspace. */
export interface Class {
  /** Its number; never changes and is never used again. */
  readonly id: number;
  /** Its main name. */
  readonly name: string;
  /** Further names that mean the same, the names of before included. */
  readonly aliases: readonly string[];
  /** Whether it is not offered for new work. */
  readonly retired: boolean;
}

/** What annotations are, and what a model learns. */
export type ObjectType =
  "classification" | "detection" | "semantic_segmentation" | "instance_segmentation";

/** An axis-aligned box in pixels; the origin is the upper left corner of the image. */
export interface BBox {
  /** The left edge. */
  readonly x: number;
  /** The upper edge. */
  readonly y: number;
  /** The width. */
  readonly w: number;
  /** The height. */
  readonly h: number;
}

/** Marks that annotation formats know. */
export interface Flags {
  /** Hard to recognise (Pascal VOC). */
  readonly difficult: boolean;
  /** Cut off by the edge of the image (Pascal VOC). */
  readonly truncated: boolean;
  /** Partly hidden (Pascal VOC). */
  readonly occluded: boolean;
  /** A group of objects under one box (COCO's `iscrowd`). */
  readonly crowd: boolean;
}

/** Free key–value pairs. */
export type Attributes = Readonly<Record<string, string>>;

/** An annotation format; `auto` is what a source is recognised as. */
export type Format =
  | "auto"
  | "voc"
  | "coco"
  | "yolo"
  | "darknet"
  | "masks"
  | "cvat"
  | "labelme"
  | "label-studio"
  | "ark"
  | "folders"
  | "images";

/**
 * What an annotation says about an object beside its box: its outline as rings of points `[x, y]` in
 * pixels (a point is inside if it is inside an odd number of rings), its pixels as COCO's run lengths,
 * or that it is a label of the whole image.
 */
export type Shape =
  | "image"
  | { readonly polygons: readonly (readonly (readonly [x: number, y: number])[])[] }
  | {
      readonly mask: {
        readonly size: readonly [height: number, width: number];
        readonly counts: readonly number[];
      };
    };

/** A point of an object that has a meaning, such as a nose. */
export interface Keypoint {
  /** The distance from the left edge in pixels. */
  readonly x: number;
  /** The distance from the upper edge in pixels. */
  readonly y: number;
  /** How much of it can be seen. */
  readonly visibility: "absent" | "hidden" | "visible";
}

/** An object on an asset: ground truth, or a prediction if it has a score. */
export interface Annotation {
  /** The name of its class. */
  readonly className: string;
  /** The number of its class; `null` for one that the workspace's table does not have. */
  readonly classId: number | null;
  /** The bounding box. */
  readonly bbox: BBox;
  /** The outline or the pixels of the object, where they are known. */
  readonly shape: Shape | null;
  /** Points of the object that have a meaning, in the order of the class's skeleton. */
  readonly keypoints: readonly Keypoint[];
  /** The rotation of the box around its centre in radians. */
  readonly rotateAngle: number | null;
  /** The confidence of a prediction, 0 to 1; `null` in ground truth. */
  readonly score: number | null;
  /** The quality of the box as its source rated it. */
  readonly quality: number | null;
  /** Marks. */
  readonly flags: Flags;
  /** Free attributes. */
  readonly attributes: Attributes;
}

/** The kind of an image file, told by its content. */
export type MediaType = "jpeg" | "png" | "bmp" | "webp";

/** An asset with its annotations: what a dataset version or prediction set holds for it. */
export interface AssetRecord {
  /** The id of the asset: the SHA-256 of its file's bytes. */
  readonly id: string;
  /** The width in pixels as stored in the file, before any EXIF rotation. */
  readonly width: number;
  /** The height in pixels as stored in the file. */
  readonly height: number;
  /** The number of channels; 0 where the header does not tell. */
  readonly channels: number;
  /** The size of the file in bytes. */
  readonly byteSize: number;
  /** The kind of file. */
  readonly mediaType: MediaType;
  /** The name of the file when it was imported, without its folder. */
  readonly fileName: string;
  /** Free attributes. */
  readonly attributes: Attributes;
  /** Its ground truth, or the predictions on it, in the order they were given. */
  readonly annotations: readonly Annotation[];
}

/** A record with its file: what executors and label backends are given. */
export interface Sample extends AssetRecord {
  /** The path of the image's file, for reading only. */
  readonly path: string;
}

/** A run of records, in the order of their asset ids. */
export interface Page {
  /** The records. */
  readonly records: AssetRecord[];
  /** How many there are on all pages together. */
  readonly total: number;
}

/** One difference between two versions. */
export type Change =
  | { readonly kind: "added"; readonly id: string; readonly record: AssetRecord }
  | { readonly kind: "removed"; readonly id: string; readonly record: AssetRecord }
  | {
      readonly kind: "changed";
      readonly id: string;
      readonly before: AssetRecord;
      readonly after: AssetRecord;
    };

/** How often a class occurs. */
export interface ClassCount {
  /** Assets with at least one annotation of the class. */
  readonly assets: number;
  /** Annotations of the class. */
  readonly annotations: number;
}

/** The counts of a version. */
export interface Summary {
  /** Assets. */
  readonly assets: number;
  /** Assets without any annotation. */
  readonly negatives: number;
  /** Annotations, those outside the class table included. */
  readonly annotations: number;
  /** Bytes of the image files. */
  readonly bytes: number;
  /** Counts by the name of the class; a class that does not occur has no entry. */
  readonly classes: Readonly<Record<string, ClassCount>>;
}

/** What a task does. */
export type TaskKind =
  | "import"
  | "select"
  | "merge"
  | "exclude"
  | "relabel"
  | "copy"
  | "train"
  | "mine"
  | "infer"
  | "label"
  | "project";

/** A value that JSON can hold. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Parameters of an executor: flat names with JSON values. */
export type Parameters = Readonly<Record<string, Json>>;

/** Figures by name. */
export type Metrics = Readonly<Record<string, number>>;

/** Everything that a result depends on: the record of the task that made it. */
export interface Lineage {
  /** The kind of task. */
  readonly kind: TaskKind;
  /** The id of the task, where one ran. */
  readonly task: string | null;
  /** Its parameters. */
  readonly parameters: Parameters;
  /** The versions that it read, by their ids, and as what: `training`, `model` … */
  readonly inputs: readonly { readonly role: string; readonly version: string }[];
  /** The executor as it was named; empty where none ran. */
  readonly executor: string;
  /** The identity of the executor. */
  readonly executorDigest: string;
  /** The config file that the executor was given. */
  readonly config: string;
  /** The seed of every random choice. */
  readonly seed: number;
  /** Measured figures. */
  readonly metrics: Metrics;
  /** When it started. */
  readonly started: Date;
  /** When it ended. */
  readonly finished: Date;
  /** The version of YMIR that ran it. */
  readonly libraryVersion: string;
  /** The identity of the work by its inputs; empty for work that read something from outside. */
  readonly fingerprint: string;
}

/** What a version of a dataset or prediction set says about itself, beside its records. */
export interface Manifest {
  /** What its annotations are. */
  readonly objectType: ObjectType;
  /** The class table at the time of the commit. */
  readonly classes: readonly Class[];
  /** The counts of its records. */
  readonly summary: Summary;
  /** The task that made it. */
  readonly lineage: Lineage;
  /** For a prediction set, the ids of the model and of the dataset version that it looked at. */
  readonly prediction: { readonly model: string; readonly dataset: string } | null;
}

/** How far a long operation has come, in images. */
export interface Progress {
  /** Those that are done. */
  readonly done: number;
  /** Those in all. */
  readonly total: number;
}

/** What an import did. */
export interface ImportReport {
  /** The version that was made. */
  readonly version: Version;
  /** Assets that the source gave the version. */
  readonly imported: number;
  /** Annotations on them. */
  readonly annotations: number;
  /** Assets among them without any annotation. */
  readonly negatives: number;
  /** Files with the same bytes as another one. */
  readonly duplicates: readonly {
    readonly path: string;
    /** The file that was taken. */
    readonly first: string;
    /** Whether its annotations are others than those that were taken. */
    readonly annotationsDiffer: boolean;
  }[];
  /** Files that were not taken. */
  readonly skipped: readonly {
    readonly path: string;
    readonly kind: SkipReason;
    /** Why, for people. */
    readonly reason: string;
  }[];
  /** Objects that were not taken, of files that were. */
  readonly dropped: readonly {
    readonly path: string;
    /** The number of the object in the file, counted from 1. */
    readonly object: number;
    readonly reason: string;
  }[];
  /** What the source says and a dataset has no place for. */
  readonly lost: readonly { readonly what: string; readonly count: number }[];
  /** Boxes that reached out of their image and were cut at its edge. */
  readonly clipped: number;
  /** Annotation files that tell another size than the image file has. */
  readonly sizeMismatches: readonly string[];
  /** The names that were taken as a class which has them in another case. */
  readonly caseMatches: readonly { readonly name: string; readonly class: string }[];
  /** The names that the class table did not have, and how many annotations have them. */
  readonly unknownClasses: readonly { readonly name: string; readonly count: number }[];
  /** Those of them that were added to it. */
  readonly addedClasses: readonly string[];
  /** Annotations that were left out because of their unknown class. */
  readonly ignoredAnnotations: number;
}

/** Why a file was not taken by an import. */
export type SkipReason =
  | "no_annotation"
  | "no_image"
  | "ambiguous"
  | "bad_annotation"
  | "bad_image"
  | "near_duplicate"
  | "unreadable"
  | "not_there"
  | "unsafe";

/** What an export did. */
export interface ExportReport {
  /** Images. */
  readonly images: number;
  /** Annotations on them. */
  readonly annotations: number;
  /** Images whose file has another name than at its import. */
  readonly renamed: readonly { readonly id: string; readonly from: string; readonly to: string }[];
  /** What the dataset has and the format cannot say. */
  readonly lost: readonly { readonly what: string; readonly count: number }[];
}

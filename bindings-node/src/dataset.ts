import { abortable, listening, now, wait } from "./calls";
import { nothingElse, unfit } from "./checks";
import type { CallOptions } from "./calls";
import { editToWire, toEditReport } from "./edit";
import type { DatasetEditOptions, Edit, EditReport } from "./edit";
import { limitOf, offsetOf, whole } from "./figures";
import { jsonOf } from "./json";
import { Loader, loaderToWire } from "./loader";
import type { LoaderOptions } from "./loader";
import type { NativeDataset } from "./native";
import { ALIKE, copyToWire } from "./operations";
import type {
  AlikeOptions,
  Comparison,
  CopyOptions,
  MergeOptions,
  OperationOptions,
  Relabeling,
  SampleOptions,
  SplitOptions,
} from "./operations";
import { pathOf, progressListener } from "./paths";
import { RecordReader } from "./records";
import { Selection } from "./selection";
import type {
  AssetRecord,
  Change,
  ExportReport,
  Format,
  Lineage,
  Manifest,
  ObjectType,
  Page,
  Progress,
  Summary,
  Version,
} from "./types";
import { toManifest, toSummary, toVersion } from "./wire";
import type { WireManifest, WireSummary, WireVersion } from "./wire";
import type { Workspace } from "./workspace";

/** Which records are read. */
export interface PageOptions extends CallOptions {
  /** How many records to pass over; 0 unless given. */
  readonly offset?: number;
  /** How many to return at most; 100 unless given. */
  readonly limit?: number;
  /** Only assets with an annotation of this class. */
  readonly className?: string | undefined;
}

/** Which records are iterated over. */
export interface RecordsOptions extends CallOptions {
  /** Only assets with an annotation of this class. */
  readonly className?: string | undefined;
}

/** Which differences are read. */
export interface DiffOptions extends CallOptions {
  /** Only those of assets whose id is greater, to go on where a page ended. */
  readonly after?: string;
  /** How many to return at most; all unless given. */
  readonly limit?: number;
}

/** How a dataset is exported. */
export interface ExportOptions extends CallOptions {
  /** The format of the folder; `voc` unless given. */
  readonly format?: Exclude<Format, "auto" | "images">;
  /** How image files come to stand there: `copy` unless given; `reference` is a symbolic link. */
  readonly transfer?: "copy" | "hard_link" | "reference";
  /** The name of the split that the images are listed in. */
  readonly split?: string;
  /** Is told how far the export is, at most ten times a second. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** Records that iterating reads at a time. */
const BATCH = 1000;

/**
 * A dataset version or prediction set: immutable, read in parts.
 *
 * Methods that make a version `into` a dataset leave this one as it is. The same operation on the
 * same versions with the same arguments, into the same name, is not done again: it resolves to the
 * version that it made then. That need not be the newest of the name, which stays as it is; go on
 * with the version that is returned, not with the name.
 *
 * @example
 * const dataset = await workspace.dataset("train");
 * const { records, total } = dataset.pageSync({ className: "cat" });
 * for await (const record of dataset.records()) console.log(record.fileName);
 */
export class Dataset {
  /** The version. */
  readonly version: Version;
  /** What the version says about itself. */
  readonly manifest: Manifest;
  readonly #native: NativeDataset;
  readonly #reader: RecordReader;

  /** @internal */
  constructor(native: NativeDataset) {
    const [version, manifest] = JSON.parse(native.describe()) as [WireVersion, WireManifest];
    this.version = toVersion(version);
    this.manifest = toManifest(manifest);
    this.#native = native;
    this.#reader = new RecordReader(this.manifest.classes.map(({ name }) => name));
  }

  static #of(other: Dataset): NativeDataset {
    const value: unknown = other;
    if (typeof value === "object" && value !== null && #native in value) return value.#native;
    throw unfit("other", "a Dataset", value);
  }

  static #all(others: readonly Dataset[]): NativeDataset[] {
    if (Array.isArray(others)) return others.map((other) => Dataset.#of(other as Dataset));
    throw unfit("others", "an array of Datasets", others);
  }

  /** The name of its branch. */
  get name(): string {
    return this.version.name;
  }

  /** The id of its version. */
  get id(): string {
    return this.version.id;
  }

  /** What the annotations are. */
  get objectType(): ObjectType {
    return this.manifest.objectType;
  }

  /** Whether it is a prediction set. */
  get isPredictions(): boolean {
    return this.version.kind === "prediction";
  }

  /** The number of assets. */
  get length(): number {
    return this.manifest.summary.assets;
  }

  /** The counts: assets, annotations, bytes, and those per class. */
  get summary(): Summary {
    return this.manifest.summary;
  }

  /** The task that made it. */
  get lineage(): Lineage {
    return this.manifest.lineage;
  }

  /** Returns the record of an asset; `null` if the version does not have it. */
  async get(id: string): Promise<AssetRecord | null> {
    const text = await wait(() => this.#native.get(id));
    return text === null ? null : this.#reader.record(text);
  }

  /** Returns the record of an asset; from memory if it was read lately. */
  getSync(id: string): AssetRecord | null {
    const text = now(() => this.#native.getSync(id));
    return text === null ? null : this.#reader.record(text);
  }

  /** Returns a run of records, in the order of their asset ids. */
  async page({ offset, limit, className, signal, ...rest }: PageOptions = {}): Promise<Page> {
    nothingElse(rest);
    const [from, count] = [offsetOf(offset), limitOf(limit)];
    const read = (cancel?: Parameters<NativeDataset["page"]>[3]) =>
      this.#native.page(from, count, className, cancel);
    return this.#reader.page(await abortable(signal, read));
  }

  /** Returns a run of records, in the order of their asset ids. */
  pageSync({ offset, limit, className, ...rest }: Omit<PageOptions, "signal"> = {}): Page {
    nothingElse(rest);
    const [from, count] = [offsetOf(offset), limitOf(limit)];
    return this.#reader.page(now(() => this.#native.pageSync(from, count, className)));
  }

  /** Yields all records, in the order of their asset ids, read as they are asked for. */
  async *records(options: RecordsOptions = {}): AsyncGenerator<AssetRecord, void, undefined> {
    for (let offset = 0; ; offset += BATCH) {
      const { records, total } = await this.page({ ...options, offset, limit: BATCH });
      yield* records;
      if (offset + BATCH >= total) return;
    }
  }

  /** As {@link Dataset.records}, without options. */
  [Symbol.asyncIterator](): AsyncGenerator<AssetRecord, void, undefined> {
    return this.records();
  }

  /** Returns what differs from this version to another, in the order of the asset ids. */
  async diff(
    other: Dataset,
    { after, limit, signal, ...rest }: DiffOptions = {},
  ): Promise<Change[]> {
    nothingElse(rest);
    const native = Dataset.#of(other);
    const most = limit === undefined ? undefined : limitOf(limit);
    const text = await abortable(signal, (cancel) =>
      this.#native.diff(native, after, most, cancel),
    );
    return this.#reader.changes(text);
  }

  /**
   * Returns the counts of what differs from this version to another; {@link Dataset.diff} returns
   * the records.
   */
  async compare(other: Dataset, { signal }: CallOptions = {}): Promise<Comparison> {
    const native = Dataset.#of(other);
    const text = await abortable(signal, (cancel) => this.#native.compare(native, cancel));
    const { added, removed, before, after } = JSON.parse(text) as Record<
      keyof Comparison,
      WireSummary
    >;
    const [ours, theirs] = [this.manifest.classes, other.manifest.classes];
    return {
      added: toSummary(added, theirs),
      removed: toSummary(removed, ours),
      before: toSummary(before, ours),
      after: toSummary(after, theirs),
    };
  }

  /**
   * Returns the assets that a query is true of; nothing is read yet. Throws with code
   * `invalid_input`, the column in the message, where it is no query.
   *
   * A query joins conditions by `and`, `or`, `not` and parentheses. Of an asset: `width>=640`,
   * `height`, `bytes`, `channels`, `aspect`, `type:jpeg,png`, `name:*.jpg`, `id:…`, `negative`,
   * `boxes>=3`, `boxes(class:WBC)>=3`, `any(class:WBC)`, `camera=3` for an attribute, `all`. Of one
   * annotation: `class:WBC,RBC`, `class!=WBC`, `unlisted:NAME`, `area<0.01` and `box_width`,
   * `box_height` relative to the image, `area_px` and so on in pixels, `score>0.5`, `quality`,
   * `flag:difficult`, `box.colour=red` for an attribute.
   *
   * @example
   * const small = dataset.query("class:WBC and area<0.01");
   * console.log(await small.count(), await small.ids({ limit: 10 }));
   */
  query(text: string): Selection {
    return new Selection(
      now(() => this.#native.query(text)),
      this.#reader,
    );
  }

  /**
   * Changes records of this version, which is to be the newest, in one commit: see
   * {@link Workspace.edit}.
   */
  async edit(edits: readonly Edit[], options: DatasetEditOptions = {}): Promise<EditReport> {
    const request = now(() => editToWire(this.name, edits, options));
    return toEditReport(
      await abortable(options.signal, (cancel) => this.#native.edit(request, cancel)),
    );
  }

  /** Makes a version of the records of this one that a query is true of, see {@link Dataset.query}. */
  async filter(
    query: string,
    into: string,
    { signal, onProgress }: OperationOptions = {},
  ): Promise<Dataset> {
    return new Dataset(
      await listening(signal, progressListener(onProgress), (cancel, tell) =>
        this.#native.filter(query, into, cancel, tell),
      ),
    );
  }

  /** Makes a version of the records of this one whose assets each of the others has too. */
  async intersect(
    others: readonly Dataset[],
    into: string,
    { signal, onProgress }: OperationOptions = {},
  ): Promise<Dataset> {
    const natives = Dataset.#all(others);
    return new Dataset(
      await listening(signal, progressListener(onProgress), (cancel, tell) =>
        this.#native.intersect(natives, into, cancel, tell),
      ),
    );
  }

  /**
   * Divides the records of this version by chance into parts, each a version of a name of its own,
   * in which classes are as frequent as in the whole. Returns them in the order of the parts.
   */
  async split(options: SplitOptions): Promise<Dataset[]> {
    const { parts, seed = 0, unstratified = false, signal, onProgress } = options;
    whole("seed", seed);
    const request = jsonOf({ parts, seed, unstratified });
    const natives = await listening(signal, progressListener(onProgress), (cancel, tell) =>
      this.#native.split(request, cancel, tell),
    );
    return natives.map((native) => new Dataset(native));
  }

  /**
   * Makes a version in which classes are renamed, joined or dropped.
   *
   * @example
   * await dataset.relabel({ lymphocyte: "WBC", dirt: null }, "cells");
   */
  async relabel(
    classes: Relabeling,
    into: string,
    { signal, onProgress }: OperationOptions = {},
  ): Promise<Dataset> {
    const request = jsonOf(classes);
    return new Dataset(
      await listening(signal, progressListener(onProgress), (cancel, tell) =>
        this.#native.relabel(request, into, cancel, tell),
      ),
    );
  }

  /** Makes a version of the records of this one and another. */
  async merge(
    other: Dataset,
    into: string,
    { strategy = "stop", signal }: MergeOptions = {},
  ): Promise<Dataset> {
    const native = Dataset.#of(other);
    return new Dataset(
      await abortable(signal, (cancel) => this.#native.merge(native, strategy, into, cancel)),
    );
  }

  /** Makes a version of the records of this one whose assets none of the others has. */
  async exclude(
    others: readonly Dataset[],
    into: string,
    { signal }: CallOptions = {},
  ): Promise<Dataset> {
    const natives = Dataset.#all(others);
    return new Dataset(
      await abortable(signal, (cancel) => this.#native.exclude(natives, into, cancel)),
    );
  }

  /** Makes a version of some records of this one, chosen by chance. */
  async sample(
    count: number,
    into: string,
    { seed = 0, signal }: SampleOptions = {},
  ): Promise<Dataset> {
    whole("count", count);
    whole("seed", seed);
    return new Dataset(
      await abortable(signal, (cancel) => this.#native.sample(count, seed, into, cancel)),
    );
  }

  /** Makes a version of a share of the records of this one, 0 to 1, chosen by chance. */
  async sampleRate(
    rate: number,
    into: string,
    { seed = 0, signal }: SampleOptions = {},
  ): Promise<Dataset> {
    whole("seed", seed);
    return new Dataset(
      await abortable(signal, (cancel) => this.#native.sampleRate(rate, seed, into, cancel)),
    );
  }

  /**
   * Copies this version with its image files into another workspace, into a dataset of the same
   * name unless one is given; returns it there.
   */
  async copyTo(
    workspace: Workspace,
    into: string = this.name,
    options: CopyOptions = {},
  ): Promise<Dataset> {
    const { signal, onProgress } = options;
    if (typeof (workspace as Partial<Workspace> | null)?.handle !== "function") {
      throw unfit("workspace", "an open Workspace", workspace);
    }
    const request = copyToWire(options);
    return new Dataset(
      await listening(signal, progressListener(onProgress), (cancel, tell) =>
        this.#native.copyTo(workspace.handle(), into, request, cancel, tell),
      ),
    );
  }

  /** Returns the groups of images that look alike, by their ids; each image is decoded. */
  async nearDuplicates({ distance = ALIKE, signal, onProgress }: AlikeOptions = {}): Promise<
    string[][]
  > {
    whole("distance", distance, 64);
    const text = await listening(signal, progressListener(onProgress), (cancel, tell) =>
      this.#native.nearDuplicates(distance, cancel, tell),
    );
    return JSON.parse(text) as string[][];
  }

  /**
   * Makes a version with one of each group of images that look alike, the first one, see
   * {@link Dataset.nearDuplicates}.
   */
  async dedup(
    into: string,
    { distance = ALIKE, signal, onProgress }: AlikeOptions = {},
  ): Promise<Dataset> {
    whole("distance", distance, 64);
    return new Dataset(
      await listening(signal, progressListener(onProgress), (cancel, tell) =>
        this.#native.dedup(distance, into, cancel, tell),
      ),
    );
  }

  /**
   * Begins to read batches of an epoch for training, in a random order that is the same for the
   * same seed, with the images, read ahead.
   */
  async loader(options: LoaderOptions = {}): Promise<Loader> {
    const request = loaderToWire(options);
    const native = await abortable(options.signal, (cancel) =>
      this.#native.loader(request, cancel),
    );
    return new Loader(native, this.#reader, options.signal);
  }

  /** Makes a version of the records of these assets. */
  async select(
    ids: readonly string[],
    into: string,
    { signal }: CallOptions = {},
  ): Promise<Dataset> {
    return new Dataset(
      await abortable(signal, (cancel) => this.#native.select([...ids], into, cancel)),
    );
  }

  /** Exports the version as a folder, which is made or is empty. */
  async export(destination: string | URL, options: ExportOptions = {}): Promise<ExportReport> {
    const { format, transfer, split, onProgress, signal } = options;
    const request = jsonOf({ destination: pathOf(destination), format, transfer, split });
    const text = await listening(signal, progressListener(onProgress), (cancel, tell) =>
      this.#native.export(request, cancel, tell),
    );
    return JSON.parse(text) as ExportReport;
  }

  /**
   * Returns the records as a stream of Arrow's IPC format, a row per asset: `tableFromIPC` of
   * `apache-arrow` reads it. Outlines are rings of numbers `x, y, x, y, …`, masks COCO's compressed
   * run lengths of the row's height and width.
   */
  async toArrow({ className, signal }: RecordsOptions = {}): Promise<Uint8Array> {
    return abortable(signal, (cancel) => this.#native.toArrow(className, cancel));
  }

  /** Returns the bytes of an image file. */
  async image(id: string, { signal }: CallOptions = {}): Promise<Uint8Array> {
    return abortable(signal, (cancel) => this.#native.image(id, cancel));
  }

  /** Returns the path of an image file, for reading only. */
  async imagePath(id: string): Promise<string> {
    return wait(() => this.#native.imagePath(id));
  }
}

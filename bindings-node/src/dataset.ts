import { abortable, listening, now, wait } from "./calls";
import type { CallOptions } from "./calls";
import { YmirError } from "./errors";
import type { NativeDataset } from "./native";
import { pathOf, progressListener } from "./paths";
import { RecordReader } from "./records";
import type {
  AssetRecord,
  Change,
  ExportReport,
  Lineage,
  Manifest,
  Page,
  Progress,
  Summary,
  Version,
} from "./types";
import { toManifest, toVersion } from "./wire";
import type { WireManifest, WireVersion } from "./wire";

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
  readonly format?: "voc";
  /** How image files come to stand there: `copy` unless given. */
  readonly transfer?: "copy" | "hard_link";
  /** The name of the split that the images are listed in. */
  readonly split?: string;
  /** Is told how far the export is, at most ten times a second. */
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

/** Records that iterating reads at a time. */
const BATCH = 1000;

function whole(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  const message = `the ${name} must be a whole number from 0 to ${max}`;
  const context = { field: name, found: String(value) };
  throw new YmirError(`${message} (field: ${name}, found: ${value})`, {
    kind: "InvalidInput",
    context,
  });
}

const offsetOf = (offset = 0) => whole("offset", offset, Number.MAX_SAFE_INTEGER);
const limitOf = (limit = 100) => whole("limit", limit, 2 ** 32 - 1);

/**
 * A dataset version or prediction set: immutable, read in parts.
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

  /** The name of its branch. */
  get name(): string {
    return this.version.name;
  }

  /** The id of its version. */
  get id(): string {
    return this.version.id;
  }

  /** What the annotations are. */
  get objectType(): "detection" {
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
  async page({ offset, limit, className, signal }: PageOptions = {}): Promise<Page> {
    const [from, count] = [offsetOf(offset), limitOf(limit)];
    const read = (cancel?: Parameters<NativeDataset["page"]>[3]) =>
      this.#native.page(from, count, className, cancel);
    return this.#reader.page(await abortable(signal, read));
  }

  /** Returns a run of records, in the order of their asset ids. */
  pageSync({ offset, limit, className }: Omit<PageOptions, "signal"> = {}): Page {
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
  async diff(other: Dataset, { after, limit, signal }: DiffOptions = {}): Promise<Change[]> {
    const most = limit === undefined ? undefined : limitOf(limit);
    const text = await abortable(signal, (cancel) =>
      this.#native.diff(other.#native, after, most, cancel),
    );
    return this.#reader.changes(text);
  }

  /** Makes a version of the records of this one and another. */
  async merge(
    other: Dataset,
    into: string,
    { strategy = "stop", signal }: MergeOptions = {},
  ): Promise<Dataset> {
    return new Dataset(
      await abortable(signal, (cancel) =>
        this.#native.merge(other.#native, strategy, into, cancel),
      ),
    );
  }

  /** Makes a version of the records of this one whose assets none of the others has. */
  async exclude(
    others: readonly Dataset[],
    into: string,
    { signal }: CallOptions = {},
  ): Promise<Dataset> {
    const natives = others.map((other) => other.#native);
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
    whole("count", count, Number.MAX_SAFE_INTEGER);
    whole("seed", seed, Number.MAX_SAFE_INTEGER);
    return new Dataset(
      await abortable(signal, (cancel) => this.#native.sample(count, seed, into, cancel)),
    );
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
    const request = JSON.stringify({ destination: pathOf(destination), format, transfer, split });
    const text = await listening(signal, progressListener(onProgress), (cancel, tell) =>
      this.#native.export(request, cancel, tell),
    );
    return JSON.parse(text) as ExportReport;
  }

  /**
   * Returns the records as a stream of Arrow's IPC format, a row per asset: `tableFromIPC` of
   * `apache-arrow` reads it.
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

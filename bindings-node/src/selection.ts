import { abortable } from "./calls";
import type { CallOptions } from "./calls";
import { limitOf, offsetOf } from "./figures";
import type { NativeSelection } from "./native";
import type { RecordReader } from "./records";
import type { AssetRecord, Page } from "./types";

/** Which ids are read. */
export interface IdsOptions extends CallOptions {
  /** Only those that are greater, to go on where an answer ended. */
  readonly after?: string | undefined;
  /** How many of these to pass over; 0 unless given. */
  readonly offset?: number;
  /** How many to return at most; all unless given. */
  readonly limit?: number;
}

/** Which records of a selection are read. */
export interface SelectionPageOptions extends CallOptions {
  /** How many records to pass over; 0 unless given. */
  readonly offset?: number;
  /** How many to return at most; 100 unless given. */
  readonly limit?: number;
}

/** Records that iterating reads at a time. */
const BATCH = 1000;

/**
 * The assets of a dataset version that a query is true of, found as they are asked for: by
 * `Dataset.query`. Nothing of it is kept in memory.
 *
 * Each method rejects with code `not_found` for a class that the version does not have, and with
 * `invalid_input` for a query that contradicts itself.
 *
 * @example
 * const small = dataset.query("class:WBC and area<0.01");
 * console.log(await small.count());
 * for await (const record of small) console.log(record.fileName);
 */
export class Selection {
  readonly #native: NativeSelection;
  readonly #reader: RecordReader;

  /** @internal */
  constructor(native: NativeSelection, reader: RecordReader) {
    this.#native = native;
    this.#reader = reader;
  }

  /** The query, as it was understood: written the shortest way. */
  get text(): string {
    return this.#native.text;
  }

  /** Returns how many there are. */
  async count({ signal }: CallOptions = {}): Promise<number> {
    return abortable(signal, (cancel) => this.#native.count(cancel));
  }

  /** Returns their ids, in order. */
  async ids({ after, offset, limit, signal }: IdsOptions = {}): Promise<string[]> {
    const from = offsetOf(offset);
    const most = limit === undefined ? undefined : limitOf(limit);
    return abortable(signal, (cancel) => this.#native.ids(after, from, most, cancel));
  }

  /**
   * Returns a run of their records, in the order of the ids, and how many there are in all. Where
   * the whole number is not needed, {@link Selection.ids} may be much faster.
   */
  async page({ offset, limit, signal }: SelectionPageOptions = {}): Promise<Page> {
    const [from, count] = [offsetOf(offset), limitOf(limit)];
    const text = await abortable(signal, (cancel) => this.#native.page(from, count, cancel));
    return this.#reader.page(text);
  }

  /** Yields all their records, in the order of the ids, read as they are asked for. */
  async *records(options: CallOptions = {}): AsyncGenerator<AssetRecord, void, undefined> {
    let after: string | undefined;
    for (;;) {
      const text = await abortable(options.signal, (cancel) =>
        this.#native.batch(after, BATCH, cancel),
      );
      const { records } = this.#reader.page(text);
      yield* records;
      if (records.length < BATCH) return;
      after = records.at(-1)?.id;
    }
  }

  /** As {@link Selection.records}, without options. */
  [Symbol.asyncIterator](): AsyncGenerator<AssetRecord, void, undefined> {
    return this.records();
  }
}

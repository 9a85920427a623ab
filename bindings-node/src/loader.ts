import { abortable } from "./calls";
import type { CallOptions } from "./calls";
import { jsonOf } from "./json";
import type { NativeBatch, NativeLoader } from "./native";
import type { RecordReader } from "./records";
import type { AssetRecord } from "./types";

/** How a dataset is read for training. */
export interface LoaderOptions extends CallOptions {
  /** How many assets a batch has; the last one may have fewer. 32 unless given. */
  readonly batch?: number;
  /** What is read of the image files: nothing, their bytes or their pixels; `bytes` unless given. */
  readonly images?: "none" | "bytes" | "rgb";
  /** Whether the order is random, else it is that of the ids; `true` unless given. */
  readonly shuffle?: boolean;
  /** What the random order starts from; 0 unless given. */
  readonly seed?: number;
  /** The epoch; each has an order of its own. 0 unless given. */
  readonly epoch?: number;
  /** Which of the shards this is, counted from 0. */
  readonly shard?: number;
  /** Into how many shards the assets are dealt, for workers that read apart; 1 unless given. */
  readonly shards?: number;
  /**
   * Whether a last batch that is not full is left out; `false` unless given. Then each shard has as
   * many batches as the others.
   */
  readonly dropLast?: boolean;
  /** How many batches are made ready before they are asked for; 4 unless given. */
  readonly readAhead?: number;
  /** How many batches to pass over, to go on where reading ended; 0 unless given. */
  readonly start?: number;
}

/** The pixels of an image, as stored in the file, before any EXIF rotation, as boxes are. */
export interface Pixels {
  /** The width. */
  readonly width: number;
  /** The height. */
  readonly height: number;
  /** Red, green and blue of each pixel, row by row from the upper left corner. */
  readonly data: Uint8Array;
}

/** An asset with what was read of its image. */
export interface LoadedAsset {
  /** The record. */
  readonly record: AssetRecord;
  /** The bytes of the file; `null` unless bytes are read. */
  readonly data: Uint8Array | null;
  /** The pixels; `null` unless they are read. */
  readonly pixels: Pixels | null;
}

/** Assets that are read together. */
export interface Batch {
  /**
   * Its number in the epoch and shard, counted from 0: a loader whose `start` is the next one goes
   * on behind it.
   */
  readonly number: number;
  /** The assets. */
  readonly assets: readonly LoadedAsset[];
}

/**
 * The batches of one epoch, read ahead by native threads. Leaving a `for await` loop ends the
 * reading.
 *
 * @example
 * for await (const { assets } of await dataset.loader({ epoch: 3, images: "rgb" })) {
 *   for (const { record, pixels } of assets) console.log(record.annotations.length, pixels?.width);
 * }
 */
export class Loader implements AsyncIterableIterator<Batch, undefined> {
  readonly #native: NativeLoader;
  readonly #reader: RecordReader;
  readonly #signal: AbortSignal | undefined;
  #remaining: number;

  /** @internal */
  constructor(native: NativeLoader, reader: RecordReader, signal: AbortSignal | undefined) {
    this.#native = native;
    this.#reader = reader;
    this.#signal = signal;
    this.#remaining = native.count;
  }

  /** How many batches are still to come. */
  get remaining(): number {
    return this.#remaining;
  }

  /** Returns the next batch. */
  async next(): Promise<IteratorResult<Batch, undefined>> {
    const batch = await abortable(this.#signal, (cancel) => this.#native.next(cancel));
    if (batch === null) {
      this.#remaining = 0;
      return { done: true, value: undefined };
    }
    this.#remaining -= 1;
    return { done: false, value: toBatch(batch, this.#reader) };
  }

  /** Ends the reading. */
  async return(): Promise<IteratorResult<Batch, undefined>> {
    this.#native.close();
    this.#remaining = 0;
    return { done: true, value: undefined };
  }

  /** Returns itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** As {@link Loader.return}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

function toBatch({ number, records, images, sizes }: NativeBatch, reader: RecordReader): Batch {
  const assets = reader.page(records).records.map((record, i): LoadedAsset => {
    const data = images[i] ?? null;
    const [width, height] = [sizes[2 * i], sizes[2 * i + 1]];
    if (data === null || width === undefined || height === undefined) {
      return { record, data, pixels: null };
    }
    return { record, data: null, pixels: { width, height, data } };
  });
  return { number, assets };
}

/** @internal */
export function loaderToWire(options: LoaderOptions): string {
  const { signal: _signal, dropLast, readAhead, ...rest } = options;
  return jsonOf({ ...rest, drop_last: dropLast, read_ahead: readAhead });
}

import { abortable } from "./calls";
import type { CallOptions } from "./calls";
import { limitOf, offsetOf } from "./figures";
import { jsonOf } from "./json";
import type { NativeOutcomes } from "./native";
import { RecordReader } from "./records";
import type { IdsOptions, SelectionPageOptions } from "./selection";
import type { Page } from "./types";

/** How it is decided what a prediction is: hit or not. */
export interface OutcomeOptions extends CallOptions {
  /** The intersection over union, above 0 and at most 1, from which on it is a hit; 0.5 unless given. */
  readonly iouThreshold?: number;
  /** Predictions with a lower score, 0 to 1, are taken as not made; every one counts unless given. */
  readonly minScore?: number;
  /** Whether objects marked difficult are neither to be found nor wrong to find. */
  readonly ignoreDifficult?: boolean;
}

/** Returns the options as the native side reads them. @internal */
export function outcomesToWire(options: OutcomeOptions): string {
  return jsonOf({
    iou_threshold: options.iouThreshold,
    min_score: options.minScore,
    ignore_difficult: options.ignoreDifficult,
  });
}

/**
 * What became of the predictions on a dataset version: by `Workspace.outcomes`. Where are the misses?
 *
 * Each asset of the dataset stands there with the predictions on it and the objects that they
 * missed. The attribute `outcome` of each says what it is: `tp` for a hit, `fp` for a false alarm,
 * `fn` for a missed object, `ignored` for a prediction of an object that is not to be found. Nothing
 * is stored; each question reads both versions as far as its answer needs.
 *
 * Queries are those of `Dataset.query`. Each method rejects with code `not_found` for a class that
 * there is not, and with `invalid_input` for a text that is no query.
 *
 * @example
 * const outcomes = await workspace.outcomes("val", "said");
 * console.log(await outcomes.ids("outcome:fn and class:WBC", { limit: 10 }));
 */
export class Outcomes {
  readonly #native: NativeOutcomes;
  readonly #reader: RecordReader;

  /** @internal */
  constructor(native: NativeOutcomes) {
    this.#native = native;
    this.#reader = new RecordReader(native.classNames);
  }

  /** Returns how many assets a query is true of. */
  async count(query: string, { signal }: CallOptions = {}): Promise<number> {
    return abortable(signal, (cancel) => this.#native.count(query, cancel));
  }

  /** Returns the ids of the assets that a query is true of, in order. */
  async ids(query: string, { after, offset, limit, signal }: IdsOptions = {}): Promise<string[]> {
    const from = offsetOf(offset);
    const most = limit === undefined ? undefined : limitOf(limit);
    return abortable(signal, (cancel) => this.#native.ids(query, after, from, most, cancel));
  }

  /**
   * Returns a run of the records that a query is true of, in the order of the ids, and how many
   * there are in all. Their annotations are the predictions and the missed objects.
   */
  async page(query: string, { offset, limit, signal }: SelectionPageOptions = {}): Promise<Page> {
    const [from, count] = [offsetOf(offset), limitOf(limit)];
    return this.#reader.page(
      await abortable(signal, (cancel) => this.#native.page(query, from, count, cancel)),
    );
  }
}

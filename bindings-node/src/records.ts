// The only reader of the compact form of records; `native/record.rs` says what it is.
import type {
  Annotation,
  AssetRecord,
  Attributes,
  Change,
  Flags,
  Keypoint,
  MediaType,
  Page,
  Shape,
} from "./types";

type Box = [
  classOf: number | string,
  x: number,
  y: number,
  w: number,
  h: number,
  score?: number | null,
  angle?: number | null,
  quality?: number | null,
  flags?: number,
  attributes?: Attributes | 0,
  shape?: Shape | null,
  keypoints?: Keypoint[],
];

/** A record in its compact form. @internal */
export type Row = [
  id: string,
  width: number,
  height: number,
  channels: number,
  byteSize: number,
  mediaType: MediaType,
  fileName: string,
  attributes: Attributes | 0,
  annotations: Box[],
];

const NONE: Attributes = Object.freeze({});

const FLAGS: readonly Flags[] = Array.from({ length: 16 }, (_, bits) =>
  Object.freeze({
    difficult: (bits & 1) !== 0,
    truncated: (bits & 2) !== 0,
    occluded: (bits & 4) !== 0,
    crowd: (bits & 8) !== 0,
  }),
);

/** Reads records; knows the names of the classes. @internal */
export class RecordReader {
  readonly #names: readonly string[];

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  record(text: string): AssetRecord {
    return this.#record(JSON.parse(text) as Row);
  }

  page(text: string): Page {
    const [total, rows] = JSON.parse(text) as [number, Row[]];
    return { records: rows.map((row) => this.#record(row)), total };
  }

  /** Reads records with the paths of their files. */
  samples<Path extends string | null>(rows: [path: Path, row: Row][]) {
    return rows.map(([path, row]) => ({ ...this.#record(row), path }));
  }

  changes(text: string): Change[] {
    const pairs = JSON.parse(text) as [Row | null, Row | null][];
    return pairs.map(([from, to]) => this.#change(from, to));
  }

  #change(from: Row | null, to: Row | null): Change {
    if (from !== null && to !== null) {
      const [before, after] = [this.#record(from), this.#record(to)];
      return { kind: "changed", id: after.id, before, after };
    }
    const record = this.#record((from ?? to) as Row);
    return { kind: from === null ? "added" : "removed", id: record.id, record };
  }

  #record(row: Row): AssetRecord {
    return {
      id: row[0],
      width: row[1],
      height: row[2],
      channels: row[3],
      byteSize: row[4],
      mediaType: row[5],
      fileName: row[6],
      attributes: row[7] === 0 ? NONE : row[7],
      annotations: row[8].map((box) => this.#annotation(box)),
    };
  }

  #annotation(box: Box): Annotation {
    const known = typeof box[0] === "number";
    return {
      className: known ? (this.#names[box[0] as number] ?? "") : (box[0] as string),
      classId: known ? (box[0] as number) : null,
      bbox: { x: box[1], y: box[2], w: box[3], h: box[4] },
      rotateAngle: box[6] ?? null,
      score: box[5] ?? null,
      quality: box[7] ?? null,
      flags: FLAGS[box[8] ?? 0] as Flags,
      attributes: box[9] || NONE,
      shape: box[10] ?? null,
      keypoints: box[11] ?? [],
    };
  }
}

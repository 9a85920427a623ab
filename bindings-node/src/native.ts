import { existsSync } from "node:fs";
import { join } from "node:path";

/** Is told what happens during a call, as JSON; an empty text only asks whether it keeps up. */
export type Listener = (text: string) => void;

/** Ends calls that it was given to. */
export interface NativeCancel {
  cancel(): void;
}

/** A dataset version or prediction set; records are compact, see `records.ts`. */
export interface NativeDataset {
  describe(): string;
  getSync(id: string): string | null;
  get(id: string): Promise<string | null>;
  edit(request: string, cancel?: NativeCancel): Promise<string>;
  pageSync(offset: number, limit: number, className?: string): string;
  page(offset: number, limit: number, className?: string, cancel?: NativeCancel): Promise<string>;
  diff(
    other: NativeDataset,
    after?: string,
    limit?: number,
    cancel?: NativeCancel,
  ): Promise<string>;
  merge(
    other: NativeDataset,
    strategy: string,
    into: string,
    cancel?: NativeCancel,
  ): Promise<NativeDataset>;
  exclude(others: NativeDataset[], into: string, cancel?: NativeCancel): Promise<NativeDataset>;
  sample(count: number, seed: number, into: string, cancel?: NativeCancel): Promise<NativeDataset>;
  select(ids: string[], into: string, cancel?: NativeCancel): Promise<NativeDataset>;
  filter(
    query: string,
    into: string,
    cancel?: NativeCancel,
    onProgress?: Listener,
  ): Promise<NativeDataset>;
  intersect(
    others: NativeDataset[],
    into: string,
    cancel?: NativeCancel,
    onProgress?: Listener,
  ): Promise<NativeDataset>;
  split(options: string, cancel?: NativeCancel, onProgress?: Listener): Promise<NativeDataset[]>;
  relabel(
    classes: string,
    into: string,
    cancel?: NativeCancel,
    onProgress?: Listener,
  ): Promise<NativeDataset>;
  sampleRate(
    rate: number,
    seed: number,
    into: string,
    cancel?: NativeCancel,
  ): Promise<NativeDataset>;
  compare(other: NativeDataset, cancel?: NativeCancel): Promise<string>;
  copyTo(
    to: NativeWorkspace,
    into: string,
    options: string,
    cancel?: NativeCancel,
    onProgress?: Listener,
  ): Promise<NativeDataset>;
  nearDuplicates(distance: number, cancel?: NativeCancel, onProgress?: Listener): Promise<string>;
  dedup(
    distance: number,
    into: string,
    cancel?: NativeCancel,
    onProgress?: Listener,
  ): Promise<NativeDataset>;
  loader(options: string, cancel?: NativeCancel): Promise<NativeLoader>;
  query(text: string): NativeSelection;
  export(request: string, cancel?: NativeCancel, onProgress?: Listener): Promise<string>;
  image(id: string, cancel?: NativeCancel): Promise<Uint8Array>;
  imagePath(id: string): Promise<string>;
  toArrow(className?: string, cancel?: NativeCancel): Promise<Uint8Array>;
}

/** The assets that a query is true of. */
export interface NativeSelection {
  readonly text: string;
  count(cancel?: NativeCancel): Promise<number>;
  ids(
    after: string | undefined,
    offset: number,
    limit?: number,
    cancel?: NativeCancel,
  ): Promise<string[]>;
  page(offset: number, limit: number, cancel?: NativeCancel): Promise<string>;
  batch(after: string | undefined, limit: number, cancel?: NativeCancel): Promise<string>;
}

/** What became of the predictions on a dataset version. */
export interface NativeOutcomes {
  readonly classNames: string[];
  count(query: string, cancel?: NativeCancel): Promise<number>;
  ids(
    query: string,
    after: string | undefined,
    offset: number,
    limit?: number,
    cancel?: NativeCancel,
  ): Promise<string[]>;
  page(query: string, offset: number, limit: number, cancel?: NativeCancel): Promise<string>;
}

/** Assets that were read together; `sizes` are width and height of each, if these are pixels. */
export interface NativeBatch {
  readonly number: number;
  readonly records: string;
  readonly images: Uint8Array[];
  readonly sizes: number[];
}

/** The batches of an epoch. */
export interface NativeLoader {
  readonly count: number;
  next(cancel?: NativeCancel): Promise<NativeBatch | null>;
  close(): void;
}

/** Events, in batches. */
export interface NativeEvents {
  next(cancel?: NativeCancel): Promise<string | null>;
  close(): void;
}

/** A task. */
export interface NativeTask {
  readonly id: string | null;
  status(): Promise<string>;
  log(): Promise<string>;
  events(after: number): NativeEvents;
  cancel(): Promise<void>;
  wait(cancel?: NativeCancel): Promise<string>;
}

/** A project. */
export interface NativeProject {
  readonly name: string;
  state(): Promise<string>;
  update(changes: string): Promise<string>;
  stop(): Promise<void>;
  advance(options: string, cancel?: NativeCancel, onEvent?: Listener): Promise<string>;
  nextIteration(options: string, cancel?: NativeCancel, onEvent?: Listener): Promise<string>;
}

/** A task as an executor of this program is given it. */
export interface NativeHostTask {
  describe(): string;
  samples(set: string): Promise<string>;
  progress(fraction: number, message: string): void;
  log(text: string, isError: boolean): void;
  readonly isCancelled: boolean;
  cancelled(): Promise<boolean>;
  saveStage(stage: string): Promise<void>;
  predict(id: string, detections: string): void;
  score(id: string, score: number): void;
}

/** A workspace. */
export interface NativeWorkspace {
  readonly closed: boolean;
  about(): string;
  close(): void;
  classes(): Promise<string>;
  editClasses(edits: string): Promise<string>;
  copyFetched(
    fetched: string,
    options: string,
    cancel?: NativeCancel,
    onProgress?: Listener,
  ): Promise<NativeDataset>;
  names(kind: string): Promise<string>;
  log(kind: string, name: string): Promise<string>;
  resolve(kind: string, spec: string): Promise<string>;
  dataset(spec: string): Promise<NativeDataset>;
  predictions(spec: string): Promise<NativeDataset>;
  datasetById(id: string): Promise<NativeDataset>;
  importMir(
    repository: string,
    options: string,
    cancel?: NativeCancel,
    onProgress?: Listener,
  ): Promise<string>;
  fuse(request: string, cancel?: NativeCancel, onProgress?: Listener): Promise<NativeDataset>;
  importDataset(request: string, cancel?: NativeCancel, onProgress?: Listener): Promise<string>;
  image(id: string, cancel?: NativeCancel): Promise<Uint8Array>;
  imagePath(id: string): Promise<string>;
  model(spec: string): Promise<string>;
  exportModel(spec: string, stage: string | undefined, destination: string): Promise<string>;
  evaluate(
    groundTruth: string,
    predictions: string,
    classNames: string[],
    cancel?: NativeCancel,
  ): Promise<string>;
  outcomes(
    groundTruth: string,
    predictions: string,
    options: string,
    cancel?: NativeCancel,
  ): Promise<NativeOutcomes>;
  startTrain(request: string, cancel?: NativeCancel): Promise<NativeTask>;
  startMine(request: string, cancel?: NativeCancel): Promise<NativeTask>;
  startInfer(request: string, cancel?: NativeCancel): Promise<NativeTask>;
  task(id: string): Promise<NativeTask>;
  tasks(): Promise<string>;
  waitAll(cancel?: NativeCancel): Promise<string>;
  settle(id: string): Promise<void>;
  leftovers(end: boolean): Promise<string>;
  pastEvents(id: string | undefined, after: number): Promise<string>;
  cleanTasks(seconds?: number): Promise<string>;
  hostLeases(): Promise<string>;
  releaseLeases(task: string): Promise<void>;
  events(after: number): NativeEvents;
  inspect(executor: string): Promise<string>;
  label(request: string, cancel?: NativeCancel): Promise<string>;
  startLabel(request: string, cancel?: NativeCancel): Promise<string>;
  labelJobs(): Promise<string>;
  labelJob(id: string): Promise<string>;
  labelJobStatus(id: string): Promise<string>;
  labelJobCollect(id: string, cancel?: NativeCancel): Promise<string>;
  labelJobWait(id: string, cancel?: NativeCancel): Promise<string>;
  labelJobCancel(id: string): Promise<void>;
  edit(request: string, cancel?: NativeCancel): Promise<string>;
  fsck(options: string, cancel?: NativeCancel): Promise<string>;
  collectGarbage(options: string, cancel?: NativeCancel): Promise<string>;
  createProject(request: string): Promise<NativeProject>;
  getOrCreateProject(request: string): Promise<NativeProject>;
  project(name: string): Promise<NativeProject>;
  registerExecutor(
    name: string,
    info: string,
    run: (task: NativeHostTask) => Promise<string | null>,
  ): string;
  registerLabeler(
    name: string,
    capabilities: string,
    ask: (question: string) => Promise<string>,
  ): void;
}

/** What the addon exports. */
export interface Native {
  readonly Cancel: new () => NativeCancel;
  openWorkspace(root: string, request: string): Promise<NativeWorkspace>;
  initWorkspace(root: string, request: string): Promise<NativeWorkspace>;
  findWorkspace(start: string): string | null;
  writeSamples(folder: string): Promise<void>;
}

/** The addon's files for this platform, as `scripts/build-native.mjs` names them. */
function candidates(): string[] {
  const base = `ymir.${process.platform}-${process.arch}`;
  const names = process.platform === "linux" ? [`${base}-gnu`, `${base}-musl`] : [base];
  return names.map((name) => join(__dirname, "..", `${name}.node`));
}

function load(): Native {
  const built = candidates().filter((path) => existsSync(path));
  let failure: unknown;
  for (const path of built) {
    try {
      return require(path) as Native;
    } catch (error) {
      failure = error;
    }
  }
  const found = built.length === 0 ? "there is none" : "it does not load";
  throw new Error(
    `ymir's native addon for ${process.platform}-${process.arch}: ${found}; ` +
      "`npm run build` in bindings-node makes it",
    { cause: failure },
  );
}

/** The addon. */
export const native: Native = load();

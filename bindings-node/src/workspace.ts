import { abortable, listening, now, wait } from "./calls";
import type { CallOptions } from "./calls";
import { nothingElse } from "./checks";
import { Dataset } from "./dataset";
import type { ProjectOptions } from "./definition";
import { editToWire, toEditReport } from "./edit";
import type { Edit, EditOptions, EditReport } from "./edit";
import { Evaluation } from "./evaluation";
import { eventsOf } from "./events";
import type { EventOptions } from "./events";
import type { Executor } from "./executor";
import { jsonOf } from "./json";
import { LabelJob } from "./label-job";
import type { WireLabelJob } from "./label-job";
import type { LabelBackend } from "./labeling";
import { toFsckReport, toGarbageReport } from "./maintenance";
import type { FsckOptions, FsckReport, GarbageOptions, GarbageReport } from "./maintenance";
import { mirToWire, toMirReport } from "./mir";
import type { MirOptions, MirReport } from "./mir";
import { Model } from "./model";
import { native } from "./native";
import type { NativeTask, NativeWorkspace } from "./native";
import { copyToWire, fuseToWire } from "./operations";
import type { CopyFetchedOptions, FuseOptions } from "./operations";
import { Outcomes, outcomesToWire } from "./outcomes";
import type { OutcomeOptions } from "./outcomes";
import { pathOf, progressListener } from "./paths";
import { Project } from "./project";
import { HostObjects } from "./registry";
import {
  importToWire,
  inferToWire,
  labelToWire,
  mineToWire,
  projectToWire,
  trainToWire,
} from "./requests";
import type {
  ImportOptions,
  InferOptions,
  LabelOptions,
  MineOptions,
  TrainOptions,
} from "./requests";
import { Task } from "./task";
import type {
  CleanReport,
  ExecutorInfo,
  HostLease,
  Leftover,
  TaskEvent,
  TaskStatus,
} from "./tasks";
import type { Class, ImportReport, Kind, Spec, TaskKind, Version } from "./types";
import { specOf, toImportReport, toVersion } from "./wire";
import type { WireImportReport, WireVersion } from "./wire";
import { toExecutorInfo, toHostLease, toLeftover, toTaskEvent, toTaskStatus } from "./wire-tasks";
import type {
  WireExecutorInfo,
  WireHostLease,
  WireLeftover,
  WireTaskEvent,
  WireTaskStatus,
} from "./wire-tasks";

/**
 * The object store with the images and models of a workspace, in place of its directory. The
 * workspace remembers it; credentials are not part of it, the environment is asked for them as
 * AWS's own tools ask it (`AWS_ACCESS_KEY_ID` and its like).
 */
export interface BlobLocation {
  /** The bucket, which exists, and what the keys begin with: `s3://bucket/prefix`. */
  readonly url: string;
  /** The server, such as `http://localhost:9000`; that of AWS unless given. */
  readonly endpoint?: string;
  /** The region. */
  readonly region?: string;
}

/** How a workspace is made. */
export interface InitOptions {
  /** Where images and models are kept; in the directory unless given. */
  readonly blobs?: BlobLocation;
}

/** How a workspace is opened. */
export interface OpenOptions extends InitOptions {
  /** Makes the workspace if the directory has none. */
  readonly create?: boolean;
  /** CPU slots for tasks; as many as the host has unless given. */
  readonly cpus?: number;
  /** The directory with the ledger of what tasks of this host hold; all workspaces share one. */
  readonly hostDir?: string;
  /** Only observes tasks: they are listed and followed, and none is started, adopted or ended. */
  readonly observeTasks?: boolean;
}

/** Which classes are listed. */
export interface ClassesOptions {
  /** Whether retired classes are listed too. */
  readonly retired?: boolean;
}

/** What counts in an evaluation. */
export interface EvaluateOptions extends CallOptions {
  /** Only these classes; all that occur unless given. */
  readonly classes?: readonly string[];
}

/**
 * A workspace: the directory with the datasets, models, projects and tasks of one team, and the
 * start of everything else. Any number of processes and worker threads may have it open.
 *
 * @example
 * const workspace = await Workspace.open("cells", { create: true });
 * await workspace.importDataset("voc/train", "pool", { unknownClasses: "add" });
 * const pool = await workspace.dataset("pool");
 * console.log(pool.length, pool.summary.classes);
 */
export class Workspace {
  /** The directory. */
  readonly root: string;
  /** The id that it got when it was made. */
  readonly id: string;
  /** What was found and put right when it was opened, for people; usually nothing. */
  readonly warnings: readonly string[];
  readonly #native: NativeWorkspace;
  readonly #objects: HostObjects;

  private constructor(opened: NativeWorkspace) {
    const about = JSON.parse(opened.about()) as { root: string; id: string; warnings: string[] };
    this.root = about.root;
    this.id = about.id;
    this.warnings = about.warnings;
    this.#native = opened;
    this.#objects = new HostObjects(opened);
  }

  /** Returns the native half. @internal */
  handle(): NativeWorkspace {
    return this.#native;
  }

  /** Opens the workspace in a directory. */
  static async open(path: string | URL, options: OpenOptions = {}): Promise<Workspace> {
    const { hostDir, observeTasks, ...rest } = options;
    const request = () => jsonOf({ ...rest, host_dir: hostDir, observe_tasks: observeTasks });
    return new Workspace(await wait(() => native.openWorkspace(pathOf(path), request())));
  }

  /** Makes a workspace in a directory, which is made if it is not there. */
  static async init(path: string | URL, options: InitOptions = {}): Promise<Workspace> {
    const request = () => jsonOf(options);
    return new Workspace(await wait(() => native.initWorkspace(pathOf(path), request())));
  }

  /** Returns the nearest directory, from this one upwards, that is a workspace. */
  static find(path: string | URL): string | null {
    return now(() => native.findWorkspace(pathOf(path)));
  }

  /**
   * Lets go of the workspace: further calls of it fail. Datasets, tasks and projects that were had
   * from it stay usable; without them, what still runs is stopped.
   */
  close(): void {
    now(() => this.#native.close());
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#native.closed;
  }

  /** As {@link Workspace.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** Returns the classes, retired ones only if asked for. */
  async classes({ retired = false }: ClassesOptions = {}): Promise<Class[]> {
    return listed(await wait(() => this.#native.classes()), retired);
  }

  /**
   * Adds classes, all or none, and returns all that there are; those that are there stay as they
   * are. Names that differ by case only are of different classes.
   */
  async addClasses(names: readonly string[]): Promise<Class[]> {
    return this.#editClasses(names.map((name) => ({ add: { name } })));
  }

  /**
   * Gives a class another name, under which versions of before show it too. The old name stays as an
   * alias.
   */
  async renameClass(name: string, to: string): Promise<Class[]> {
    return this.#editClasses([{ rename: { class: name, to } }]);
  }

  /** Adds a name to a class, for imports and for what executors and labelers return. */
  async aliasClass(name: string, alias: string): Promise<Class[]> {
    return this.#editClasses([{ alias: { class: name, alias } }]);
  }

  /**
   * Retires a class: trainings, labeling and projects refuse it from now on. Its annotations stay,
   * and can be read, queried and exported.
   */
  async retireClass(name: string): Promise<Class[]> {
    return this.#editClasses([{ retire: name }]);
  }

  /** Takes the retirement of a class back. */
  async restoreClass(name: string): Promise<Class[]> {
    return this.#editClasses([{ restore: name }]);
  }

  async #editClasses(edits: readonly object[]): Promise<Class[]> {
    return listed(await wait(() => this.#native.editClasses(jsonOf(edits))), false);
  }

  /**
   * Copies a version into this workspace that git fetched from another one, under the name of a
   * remote: `git fetch REPOSITORY '+refs/heads/*:refs/remotes/NAME/*'` in `repo.git`. Its classes are
   * mapped by name. Git brings the records and no images.
   */
  async copyFetched(
    remote: string,
    version: string,
    options: CopyFetchedOptions = {},
  ): Promise<Dataset> {
    const { into, kind, signal, onProgress } = options;
    const fetched = jsonOf({ remote, version, into, kind });
    return new Dataset(
      await listening(signal, progressListener(onProgress), (cancel, tell) =>
        this.#native.copyFetched(fetched, copyToWire(options), cancel, tell),
      ),
    );
  }

  /** Returns the names of all datasets, prediction sets, models or projects, sorted. */
  async names(kind: Kind): Promise<string[]> {
    return JSON.parse(await wait(() => this.#native.names(kind))) as string[];
  }

  /** Returns the versions of a branch, newest first. */
  async log(kind: Kind, name: string): Promise<Version[]> {
    const versions = JSON.parse(await wait(() => this.#native.log(kind, name))) as WireVersion[];
    return versions.map(toVersion);
  }

  /** Returns the version that is meant. */
  async resolve(kind: Kind, spec: Spec): Promise<Version> {
    const text = await wait(() => this.#native.resolve(kind, specOf(spec)));
    return toVersion(JSON.parse(text) as WireVersion);
  }

  /** Imports a folder as a new version of a dataset. */
  async importDataset(
    source: string | URL,
    dataset: string,
    options: ImportOptions = {},
  ): Promise<ImportReport> {
    const request = now(() => importToWire(source, dataset, options));
    const text = await listening(
      options.signal,
      progressListener(options.onProgress),
      (cancel, tell) => this.#native.importDataset(request, cancel, tell),
    );
    return toImportReport(JSON.parse(text) as WireImportReport);
  }

  /**
   * Imports a repository of the original YMIR: its datasets and prediction sets with all versions,
   * its classes, and its models. The same import again finds what it made.
   */
  async importMir(repository: string | URL, options: MirOptions = {}): Promise<MirReport> {
    const [path, request] = now(() => [pathOf(repository), mirToWire(options)]);
    const text = await listening(
      options.signal,
      progressListener(options.onProgress),
      (cancel, tell) => this.#native.importMir(path, request, cancel, tell),
    );
    return toMirReport(text);
  }

  /** Joins datasets, leaves out the assets of others, filters and samples, in one go. */
  async fuse(sources: readonly Spec[], into: string, options: FuseOptions = {}): Promise<Dataset> {
    const request = now(() => fuseToWire(sources, into, options));
    const { signal, onProgress } = options;
    return new Dataset(
      await listening(signal, progressListener(onProgress), (cancel, tell) =>
        this.#native.fuse(request, cancel, tell),
      ),
    );
  }

  /** Returns a dataset version. */
  async dataset(spec: Spec): Promise<Dataset> {
    return new Dataset(await wait(() => this.#native.dataset(specOf(spec))));
  }

  /** Returns a prediction set; it is read like a dataset. */
  async predictions(spec: Spec): Promise<Dataset> {
    return new Dataset(await wait(() => this.#native.predictions(specOf(spec))));
  }

  /** Returns a dataset version or prediction set by its id. */
  async datasetById(id: string): Promise<Dataset> {
    return new Dataset(await wait(() => this.#native.datasetById(id)));
  }

  /** Returns a model. */
  async model(spec: Spec): Promise<Model> {
    return new Model(this.#native, await wait(() => this.#native.model(specOf(spec))));
  }

  /** Returns the bytes of an image file. */
  async image(id: string, { signal }: CallOptions = {}): Promise<Uint8Array> {
    return abortable(signal, (cancel) => this.#native.image(id, cancel));
  }

  /** Returns the path of an image file, for reading only. */
  async imagePath(id: string): Promise<string> {
    return wait(() => this.#native.imagePath(id));
  }

  /** Compares predictions with the ground truth of a dataset, by COCO's rules. */
  async evaluate(
    groundTruth: Spec,
    predictions: Spec,
    { classes = [], signal }: EvaluateOptions = {},
  ): Promise<Evaluation> {
    const [truth, said] = [specOf(groundTruth), specOf(predictions)];
    return new Evaluation(
      await abortable(signal, (cancel) => this.#native.evaluate(truth, said, [...classes], cancel)),
    );
  }

  /** Returns what became of predictions, to be asked for hits, false alarms and misses. */
  async outcomes(
    groundTruth: Spec,
    predictions: Spec,
    options: OutcomeOptions = {},
  ): Promise<Outcomes> {
    const [truth, said, request] = [
      specOf(groundTruth),
      specOf(predictions),
      outcomesToWire(options),
    ];
    return new Outcomes(
      await abortable(options.signal, (cancel) =>
        this.#native.outcomes(truth, said, request, cancel),
      ),
    );
  }

  /** Trains a model and returns it. {@link Workspace.startTrain} does not wait. The signal cancels the task. */
  async train(options: TrainOptions): Promise<Model> {
    return (await this.startTrain(options)).wait();
  }

  /** Starts a training; the task makes a model. */
  async startTrain(options: TrainOptions): Promise<Task<Model>> {
    const request = now(() => trainToWire(options, this.#objects));
    return this.#start("train", options.signal, (cancel) =>
      this.#native.startTrain(request, cancel),
    );
  }

  /** Chooses assets and returns them as a dataset. {@link Workspace.startMine} does not wait. The signal cancels the task. */
  async mine(options: MineOptions): Promise<Dataset> {
    return (await this.startMine(options)).wait();
  }

  /** Starts a mining; the task makes a dataset of the chosen assets. */
  async startMine(options: MineOptions): Promise<Task<Dataset>> {
    const request = now(() => mineToWire(options, this.#objects));
    return this.#start("mine", options.signal, (cancel) => this.#native.startMine(request, cancel));
  }

  /** Predicts and returns the prediction set. {@link Workspace.startInfer} does not wait. The signal cancels the task. */
  async infer(options: InferOptions): Promise<Dataset> {
    return (await this.startInfer(options)).wait();
  }

  /** Starts an inference; the task makes a prediction set. */
  async startInfer(options: InferOptions): Promise<Task<Dataset>> {
    const request = now(() => inferToWire(options, this.#objects));
    return this.#start("infer", options.signal, (cancel) =>
      this.#native.startInfer(request, cancel),
    );
  }

  async #start<T extends Model | Dataset>(
    kind: TaskKind,
    signal: AbortSignal | undefined,
    start: Parameters<typeof abortable<NativeTask>>[1],
  ): Promise<Task<T>> {
    const task = await abortable(signal, start);
    return new Task(task, kind, (version) => this.#open(version) as Promise<T>, { signal });
  }

  async #open(version: Version): Promise<Model | Dataset> {
    return version.kind === "model" ? this.model(version) : this.datasetById(version.id);
  }

  /** Returns a task by its id. */
  async task(id: string): Promise<Task<Model | Dataset>> {
    const task = await wait(() => this.#native.task(id));
    const { spec } = JSON.parse(await wait(() => task.status())) as WireTaskStatus;
    return new Task(task, spec.kind, (version) => this.#open(version));
  }

  /** Returns what is known of all tasks, newest first. */
  async tasks(): Promise<TaskStatus[]> {
    const tasks = JSON.parse(await wait(() => this.#native.tasks())) as WireTaskStatus[];
    return tasks.map(toTaskStatus);
  }

  /**
   * Waits until no task is unfinished, and returns the last status of each that was. A task whose
   * program died is adopted.
   */
  async waitAll({ signal }: CallOptions = {}): Promise<TaskStatus[]> {
    const text = await abortable(signal, (cancel) => this.#native.waitAll(cancel));
    return (JSON.parse(text) as WireTaskStatus[]).map(toTaskStatus);
  }

  /** Ends a task that is stalled: its run counts as ended, and the task fails. */
  async settle(id: string): Promise<void> {
    await wait(() => this.#native.settle(id));
  }

  /**
   * Returns containers and runs that nobody will collect, of any workspace of this user; ends and
   * removes them if asked to.
   */
  async leftovers({ end = false }: { readonly end?: boolean } = {}): Promise<Leftover[]> {
    const found = JSON.parse(await wait(() => this.#native.leftovers(end))) as WireLeftover[];
    return found.map(toLeftover);
  }

  /** Returns the events of one task, or of all, that are kept, after a sequence number. */
  async pastEvents({
    task,
    after = 0,
  }: { readonly task?: string; readonly after?: number } = {}): Promise<TaskEvent[]> {
    const events = JSON.parse(await wait(() => this.#native.pastEvents(task, after)));
    return (events as WireTaskEvent[]).map(toTaskEvent);
  }

  /**
   * Removes the directories of tasks that ended longer ago than so many seconds; their results,
   * records and events stay.
   */
  async cleanTasks({ olderThan }: { readonly olderThan?: number } = {}): Promise<CleanReport> {
    return JSON.parse(await wait(() => this.#native.cleanTasks(olderThan))) as CleanReport;
  }

  /** Returns what tasks of this user hold on this host, of whichever workspace. */
  async hostLeases(): Promise<HostLease[]> {
    const leases = JSON.parse(await wait(() => this.#native.hostLeases())) as WireHostLease[];
    return leases.map(toHostLease);
  }

  /** Gives back what a task holds whose process is gone; see that its run has ended before. */
  async releaseLeases(task: string): Promise<void> {
    await wait(() => this.#native.releaseLeases(task));
  }

  /** Yields the events of all tasks: those that are kept, then those to come. */
  events(options: EventOptions = {}): AsyncGenerator<TaskEvent, void, undefined> {
    return eventsOf((after) => this.#native.events(after), options);
  }

  /** Returns what an executor says about itself. */
  async inspect(executor: string | Executor): Promise<ExecutorInfo> {
    const named = now(() => this.#objects.inspected(executor));
    const text = await wait(() => this.#native.inspect(named));
    return toExecutorInfo(JSON.parse(text) as WireExecutorInfo);
  }

  /**
   * Makes an object known as an executor, in place of one of its name; returns what tasks and
   * projects name it by, `host:<name>`. A process that goes on with a project registers it again.
   */
  registerExecutor(executor: Executor, name?: string): string {
    return now(() => this.#objects.executor(executor, name));
  }

  /** Makes an object known as a label backend, in place of one of its name; returns the name. */
  registerLabeler(backend: LabelBackend, name?: string): string {
    return now(() => this.#objects.labeler(backend, name));
  }

  /**
   * Changes records of a dataset in one commit: puts them in, changes their attributes and
   * annotations, takes them out. All of the edits happen, or none.
   */
  async edit(name: string, edits: readonly Edit[], options: EditOptions = {}): Promise<EditReport> {
    const request = now(() => editToWire(name, edits, options));
    return toEditReport(
      await abortable(options.signal, (cancel) => this.#native.edit(request, cancel)),
    );
  }

  /** Has a dataset labeled: starts the job, waits until the labeler is done, returns the result. */
  async label(options: LabelOptions): Promise<Dataset> {
    const request = now(() => labelToWire(options, this.#objects));
    return this.#labeled(
      await abortable(options.signal, (cancel) => this.#native.label(request, cancel)),
    );
  }

  /**
   * Hands a dataset to a labeler and returns the job, which outlives the program. The same options
   * mean the same job, however often and in however many processes it is started; one whose
   * creation broke off goes on where it was.
   */
  async startLabel(options: LabelOptions): Promise<LabelJob> {
    const request = now(() => labelToWire(options, this.#objects));
    return this.#labelJob(
      await abortable(options.signal, (cancel) => this.#native.startLabel(request, cancel)),
    );
  }

  /** Returns the labeling jobs that were started and not cancelled, oldest first. */
  async labelJobs(): Promise<LabelJob[]> {
    const jobs = JSON.parse(await wait(() => this.#native.labelJobs())) as WireLabelJob[];
    return jobs.map((job) => new LabelJob(this, job));
  }

  /** Returns a labeling job by its id. */
  async labelJob(id: string): Promise<LabelJob> {
    return this.#labelJob(await wait(() => this.#native.labelJob(id)));
  }

  #labelJob(text: string): LabelJob {
    return new LabelJob(this, JSON.parse(text) as WireLabelJob);
  }

  #labeled(text: string): Promise<Dataset> {
    return this.datasetById((JSON.parse(text) as WireVersion).id);
  }

  /** Checks everything that the versions of the workspace are made of; damage is in the report. */
  async fsck({ blobs, signal }: FsckOptions = {}): Promise<FsckReport> {
    const options = jsonOf({ blobs });
    return toFsckReport(await abortable(signal, (cancel) => this.#native.fsck(options, cancel)));
  }

  /** Deletes the image and model files that no version reaches. */
  async collectGarbage({
    dryRun,
    grace,
    signal,
    ...rest
  }: GarbageOptions = {}): Promise<GarbageReport> {
    nothingElse(rest);
    const options = jsonOf({ dry_run: dryRun, grace });
    return toGarbageReport(
      await abortable(signal, (cancel) => this.#native.collectGarbage(options, cancel)),
    );
  }

  /** Makes a project. */
  async createProject(name: string, options: ProjectOptions): Promise<Project> {
    const request = now(() => projectToWire(name, options, this.#objects));
    return this.#project(await wait(() => this.#native.createProject(request)));
  }

  /**
   * Returns the project of this name and definition, which is created unless it is there. Versions
   * are the same if their records are: data that is imported again makes no other definition. A
   * project that is there with another definition rejects with code `conflict`, and with what differs
   * in `context.fields`; `Project.update` changes it.
   */
  async getOrCreateProject(name: string, options: ProjectOptions): Promise<Project> {
    const request = now(() => projectToWire(name, options, this.#objects));
    return this.#project(await wait(() => this.#native.getOrCreateProject(request)));
  }

  /** Returns a project. */
  async project(name: string): Promise<Project> {
    return this.#project(await wait(() => this.#native.project(name)));
  }

  #project(project: ConstructorParameters<typeof Project>[0]): Project {
    return new Project(project, this.#objects);
  }
}

function listed(table: string, retired: boolean): Class[] {
  return (JSON.parse(table) as Class[]).filter((one) => retired || !one.retired);
}

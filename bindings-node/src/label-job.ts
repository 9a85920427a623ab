import { abortable, wait } from "./calls";
import type { CallOptions } from "./calls";
import type { Dataset } from "./dataset";
import type { LabelStatus } from "./labeling";
import type { WireVersion } from "./wire";
import type { Workspace } from "./workspace";

/** A labeling job as the native side writes it. @internal */
export interface WireLabelJob {
  id: string;
  classes: string[];
  labeled: string;
  place: string | null;
  ready: boolean;
  created: string;
  collected: string | null;
}

/**
 * A labeling job that was started. It outlives the program that started it:
 * {@link Workspace.labelJobs} finds it again.
 */
export class LabelJob {
  /** The id: the same for the same options. */
  readonly id: string;
  /** Where people label, where that is known: a URL or a folder. */
  readonly place: string | null;
  /** The name of the dataset that the labels are committed to. */
  readonly labeled: string;
  /** The classes that the labeler may use. */
  readonly classNames: readonly string[];
  /** Whether the labeler has all of the job. */
  readonly ready: boolean;
  /** When it was started. */
  readonly created: Date;
  /** The id of the version with the labels, once the job was finished and collected. */
  readonly collected: string | null;
  readonly #workspace: Workspace;

  /** @internal */
  constructor(workspace: Workspace, wire: WireLabelJob) {
    this.id = wire.id;
    this.place = wire.place;
    this.labeled = wire.labeled;
    this.classNames = wire.classes;
    this.ready = wire.ready;
    this.created = new Date(wire.created);
    this.collected = wire.collected;
    this.#workspace = workspace;
  }

  /** Returns how far the labeler is. */
  async status(): Promise<LabelStatus> {
    const native = this.#workspace.handle();
    return JSON.parse(await wait(() => native.labelJobStatus(this.id))) as LabelStatus;
  }

  /** Commits what has been labeled so far, once however often it is called. */
  async collect({ signal }: CallOptions = {}): Promise<Dataset> {
    const native = this.#workspace.handle();
    return this.#dataset(
      await abortable(signal, (cancel) => native.labelJobCollect(this.id, cancel)),
    );
  }

  /** Waits until the labeler is done, and commits the labels. */
  async wait({ signal }: CallOptions = {}): Promise<Dataset> {
    const native = this.#workspace.handle();
    return this.#dataset(await abortable(signal, (cancel) => native.labelJobWait(this.id, cancel)));
  }

  /** Cancels the job: what was labeled and not collected is lost. */
  async cancel(): Promise<void> {
    const native = this.#workspace.handle();
    await wait(() => native.labelJobCancel(this.id));
  }

  #dataset(text: string): Promise<Dataset> {
    return this.#workspace.datasetById((JSON.parse(text) as WireVersion).id);
  }
}

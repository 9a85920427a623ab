import { wait } from "./calls";
import { YmirError } from "./errors";
import type { NativeWorkspace } from "./native";
import { pathOf } from "./paths";
import type { Lineage, Metrics, Version } from "./types";
import { specOf, toLineage, toVersion } from "./wire";
import type { WireLineage, WireVersion } from "./wire";

/** One file of a model. */
export interface ModelFile {
  /** Its path below the stage, with `/` between the parts. */
  readonly path: string;
  /** The SHA-256 of its bytes. */
  readonly blob: string;
  /** Its size in bytes. */
  readonly size: number;
}

/** A checkpoint of a model. */
export interface Stage {
  /** Its name, such as `epoch_50`. */
  readonly name: string;
  /** Its files. */
  readonly files: readonly ModelFile[];
  /** When it was written; `null` where the executor did not say. */
  readonly timestamp: Date | null;
  /** Figures as the executor reported them: `mAP` for example. */
  readonly metrics: Metrics;
}

/** How the files of a model are exported. */
export interface ModelExportOptions {
  /** The name of the stage; the best one unless given. */
  readonly stage?: string;
}

/** @internal */
export interface WireModel {
  version: WireVersion;
  model: {
    stages: { name: string; files: ModelFile[]; timestamp: number; metrics: Metrics }[];
    best_stage: string;
    class_names: string[];
    attachments: ModelFile[];
  };
  manifest: { task: WireLineage };
}

/** A trained model. */
export class Model {
  /** The version. */
  readonly version: Version;
  /** The classes it was trained on, in the order of its outputs. */
  readonly classNames: readonly string[];
  /** The stages, in the order in which they were written. */
  readonly stages: readonly Stage[];
  /** The name of the stage that is used unless another is asked for. */
  readonly bestStage: string;
  /** Further files of the training. */
  readonly attachments: readonly ModelFile[];
  /** The training that made it. */
  readonly lineage: Lineage;
  readonly #workspace: NativeWorkspace;

  /** @internal */
  constructor(workspace: NativeWorkspace, text: string) {
    const { version, model, manifest } = JSON.parse(text) as WireModel;
    this.version = toVersion(version);
    this.classNames = model.class_names;
    this.stages = model.stages.map(({ timestamp, ...stage }) => ({
      ...stage,
      timestamp: timestamp === 0 ? null : new Date(timestamp * 1000),
    }));
    this.bestStage = model.best_stage;
    this.attachments = model.attachments;
    this.lineage = toLineage(manifest.task);
    this.#workspace = workspace;
  }

  /** The name of its branch. */
  get name(): string {
    return this.version.name;
  }

  /** The id of its version. */
  get id(): string {
    return this.version.id;
  }

  /** The figures of the best stage. */
  get metrics(): Metrics {
    return this.stage().metrics;
  }

  /** Returns a stage by name, or the best one. */
  stage(name = this.bestStage): Stage {
    const found = this.stages.find((stage) => stage.name === name);
    if (found !== undefined) return found;
    const names = this.stages.map((stage) => stage.name).join(", ");
    const message = `the model has no such stage; it has: ${names} (stage: ${name})`;
    throw new YmirError(message, { kind: "NotFound", context: { stage: name } });
  }

  /** Writes the files of a stage into a folder, which is made; returns their paths. */
  async export(destination: string | URL, { stage }: ModelExportOptions = {}): Promise<string[]> {
    const text = await wait(() =>
      this.#workspace.exportModel(specOf(this), stage, pathOf(destination)),
    );
    return JSON.parse(text) as string[];
  }
}

/**
 * The loop train, mine, label, train again for vision models, inside your Node program. Everything
 * starts with {@link Workspace.open}.
 *
 * @packageDocumentation
 */
export type { CallOptions } from "./calls";
export { Dataset } from "./dataset";
export type { DiffOptions, ExportOptions, PageOptions, RecordsOptions } from "./dataset";
export { YmirError } from "./errors";
export type { ErrorCode, ErrorKind, YmirErrorOptions } from "./errors";
export { Evaluation } from "./evaluation";
export type { ClassEvaluation, CocoFigures } from "./evaluation";
export type { EventOptions } from "./events";
export { ExecutorTask } from "./executor";
export type { Detection, Executor, ExecutorKind, StageOptions } from "./executor";
export { Iteration } from "./iteration";
export type { Found } from "./found";
export type { DatasetEditOptions, Edit, EditAnnotation, EditOptions, EditReport } from "./edit";
export { LabelJob } from "./label-job";
export type {
  LabelAnnotation,
  LabelBackend,
  Labeled,
  LabelHandle,
  LabelItem,
  LabelJobRequest,
  LabelPage,
  LabelStatus,
} from "./labeling";
export type { FsckOptions, FsckReport, GarbageOptions, GarbageReport } from "./maintenance";
export { Loader } from "./loader";
export type { Batch, LoadedAsset, LoaderOptions, Pixels } from "./loader";
export type { MirModel, MirOptions, MirReport, MirVersion } from "./mir";
export { Model } from "./model";
export type { ModelExportOptions, ModelFile, Stage } from "./model";
export type { ProjectChanges, ProjectDefinition, ProjectOptions } from "./definition";
export type {
  AlikeOptions,
  Comparison,
  CopyFetchedOptions,
  CopyOptions,
  FuseOptions,
  MergeOptions,
  OperationOptions,
  Part,
  Relabeling,
  SampleOptions,
  SplitOptions,
} from "./operations";
export { Outcomes } from "./outcomes";
export type { OutcomeOptions } from "./outcomes";
export { Project } from "./project";
export type { RunOptions, StepOptions } from "./project";
export type {
  Advance,
  EndReason,
  LabelerDefinition,
  LoopEnd,
  LoopEvent,
  ProjectState,
  Step,
  StepResult,
  Waiting,
} from "./project-types";
export type {
  ImportOptions,
  InferOptions,
  Labeler,
  LabelOptions,
  MineOptions,
  TaskOptions,
  TrainOptions,
  UnknownClasses,
} from "./requests";
export { writeSamples } from "./samples";
export { Selection } from "./selection";
export type { IdsOptions, SelectionPageOptions } from "./selection";
export { Task } from "./task";
export type {
  ExecutorInfo,
  Limits,
  LogLine,
  LogSource,
  Resources,
  TaskEvent,
  TaskState,
  CleanReport,
  HostLease,
  Leftover,
  TaskStatus,
  TaskStep,
} from "./tasks";
export type {
  Annotation,
  AssetRecord,
  Attributes,
  BBox,
  Change,
  Class,
  ClassCount,
  ExportReport,
  Flags,
  Format,
  ImportReport,
  Json,
  Keypoint,
  Kind,
  Lineage,
  Manifest,
  MediaType,
  Metrics,
  ObjectType,
  Page,
  Parameters,
  Progress,
  Sample,
  Shape,
  SkipReason,
  Spec,
  Summary,
  TaskKind,
  Version,
} from "./types";
export { Workspace } from "./workspace";
export type {
  BlobLocation,
  ClassesOptions,
  EvaluateOptions,
  InitOptions,
  OpenOptions,
} from "./workspace";

// The forms in which the native side writes what is not hot, and the way from them to public types.
// Each type has a converter of its own, so that what users named (parameters, metrics, attributes,
// classes) is never renamed.
import { unfit } from "./checks";
import type {
  Class,
  ClassCount,
  ExportReport,
  ImportReport,
  Json,
  Kind,
  Lineage,
  Manifest,
  Metrics,
  ObjectType,
  Spec,
  Summary,
  TaskKind,
  Version,
} from "./types";

/** Returns a spec as text. @internal */
export function specOf(spec: Spec): string {
  if (typeof spec === "string") return spec;
  const { name, id } = (spec ?? {}) as Partial<Exclude<Spec, string>>;
  if (typeof name === "string" && typeof id === "string") return `${name}@${id}`;
  throw unfit("version", "a name such as `train@v3`, or an object with name and id", spec);
}

/** @internal */
export interface WireVersion {
  id: string;
  branch: { kind: Kind; name: string };
  number: number;
  parent: string | null;
  created: string;
  content: string;
  message: string;
}

/** @internal */
export function toVersion(wire: WireVersion): Version {
  return {
    id: wire.id,
    kind: wire.branch.kind,
    name: wire.branch.name,
    number: wire.number,
    parent: wire.parent,
    created: new Date(wire.created),
    content: wire.content,
    message: wire.message,
  };
}

/** @internal */
export interface WireLineage {
  kind: TaskKind;
  task?: string;
  parameters: Record<string, string>;
  inputs: { role: string; version: string }[];
  executor: string;
  executor_digest: string;
  config: string;
  seed: number;
  metrics: Metrics;
  started: string;
  finished: string;
  library_version: string;
  fingerprint: string;
}

/** @internal */
export function toLineage(wire: WireLineage): Lineage {
  const parameters = Object.entries(wire.parameters);
  return {
    kind: wire.kind,
    task: wire.task ?? null,
    parameters: Object.fromEntries(
      parameters.map(([name, text]) => [name, JSON.parse(text) as Json]),
    ),
    inputs: wire.inputs,
    executor: wire.executor,
    executorDigest: wire.executor_digest,
    config: wire.config,
    seed: wire.seed,
    metrics: wire.metrics,
    started: new Date(wire.started),
    finished: new Date(wire.finished),
    libraryVersion: wire.library_version,
    fingerprint: wire.fingerprint,
  };
}

/** Classes are numbers there. @internal */
export interface WireSummary {
  assets: number;
  negatives: number;
  annotations: number;
  bytes: number;
  classes: Record<string, ClassCount>;
}

/** @internal */
export interface WireManifest {
  object_type: ObjectType;
  classes: Class[];
  summary: WireSummary;
  task: WireLineage;
  prediction: { model: string; dataset: string } | null;
}

/** @internal */
export function toManifest(wire: WireManifest): Manifest {
  return {
    objectType: wire.object_type,
    classes: wire.classes,
    summary: toSummary(wire.summary, wire.classes),
    lineage: toLineage(wire.task),
    prediction: wire.prediction,
  };
}

/** @internal */
export function toSummary(summary: WireSummary, classes: readonly Class[]): Summary {
  const byName = Object.entries(summary.classes).map(([id, count]): [string, ClassCount] => [
    classes[Number(id)]?.name ?? id,
    count,
  ]);
  return { ...summary, classes: Object.fromEntries(byName) };
}

/** @internal */
export interface WireImportReport {
  version: WireVersion;
  imported: number;
  annotations: number;
  negatives: number;
  duplicates: { path: string; first: string; annotations_differ: boolean }[];
  skipped: ImportReport["skipped"];
  dropped: ImportReport["dropped"];
  lost: ImportReport["lost"];
  clipped: number;
  size_mismatches: string[];
  case_matches: { name: string; class: string }[];
  unknown_classes: { name: string; count: number }[];
  added_classes: string[];
  ignored_annotations: number;
}

/** @internal */
export function toImportReport(wire: WireImportReport): ImportReport {
  return {
    version: toVersion(wire.version),
    imported: wire.imported,
    annotations: wire.annotations,
    negatives: wire.negatives,
    duplicates: wire.duplicates.map(({ path, first, annotations_differ }) => ({
      path,
      first,
      annotationsDiffer: annotations_differ,
    })),
    skipped: wire.skipped,
    dropped: wire.dropped,
    lost: wire.lost,
    clipped: wire.clipped,
    sizeMismatches: wire.size_mismatches,
    caseMatches: wire.case_matches,
    unknownClasses: wire.unknown_classes,
    addedClasses: wire.added_classes,
    ignoredAnnotations: wire.ignored_annotations,
  };
}

/** An {@link ExportReport} is written as it is read. @internal */
export type WireExportReport = ExportReport;

import type { Metrics } from "./types";

/** How good the predictions of one class are; `null` where the class has no ground truth. */
export interface ClassEvaluation {
  /** Average precision, the mean over IoU 0.5 to 0.95. */
  readonly ap: number | null;
  /** Average precision at IoU 0.5. */
  readonly ap50: number | null;
  /** Average precision at IoU 0.75. */
  readonly ap75: number | null;
  /** Average recall with all detections that count. */
  readonly ar: number | null;
  /** Objects to be found. */
  readonly groundTruths: number;
  /** Predictions. */
  readonly predictions: number;
}

interface Wire {
  ap50: number | null;
  metrics: Metrics;
  classes: [string, Omit<ClassEvaluation, "groundTruths"> & { ground_truths: number }][];
}

/** How good predictions are, by COCO's rules. */
export class Evaluation {
  /** The average precision at IoU 0.5, the mean over the classes that have ground truth. */
  readonly ap50: number | null;
  /** The figures by name, 0 to 1: `AP`, `AP50`, `AP75`, and `AP/<class>`, `AP50/<class>`. */
  readonly metrics: Metrics;
  /** The figures of each class, by its name. */
  readonly perClass: Readonly<Record<string, ClassEvaluation>>;

  /** @internal */
  constructor(text: string) {
    const wire = JSON.parse(text) as Wire;
    this.ap50 = wire.ap50;
    this.metrics = wire.metrics;
    this.perClass = Object.fromEntries(
      wire.classes.map(([name, { ap, ap50, ap75, ar, ground_truths, predictions }]) => [
        name,
        { ap, ap50, ap75, ar, groundTruths: ground_truths, predictions },
      ]),
    );
  }
}

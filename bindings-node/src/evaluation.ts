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

/** The twelve numbers of COCO, over all classes that occur; `null` without ground truth. */
export interface CocoFigures {
  /** Average precision, the mean over IoU 0.5 to 0.95. */
  readonly ap: number | null;
  /** Average precision at IoU 0.5. */
  readonly ap50: number | null;
  /** Average precision at IoU 0.75. */
  readonly ap75: number | null;
  /** Average precision on objects of up to 32² pixels. */
  readonly apSmall: number | null;
  /** Average precision on objects between small and large. */
  readonly apMedium: number | null;
  /** Average precision on objects from 96² pixels. */
  readonly apLarge: number | null;
  /** Average recall with 1 detection per class and image. */
  readonly ar1: number | null;
  /** Average recall with 10 detections per class and image. */
  readonly ar10: number | null;
  /** Average recall with 100 detections per class and image. */
  readonly ar100: number | null;
  /** Average recall on small objects. */
  readonly arSmall: number | null;
  /** Average recall on medium objects. */
  readonly arMedium: number | null;
  /** Average recall on large objects. */
  readonly arLarge: number | null;
}

interface Wire {
  ap50: number | null;
  metrics: Metrics;
  classes: [string, Omit<ClassEvaluation, "groundTruths"> & { ground_truths: number }][];
  whole: Pick<CocoFigures, "ap" | "ap50" | "ap75" | "ar1" | "ar10" | "ar100"> & {
    ap_small: number | null;
    ap_medium: number | null;
    ap_large: number | null;
    ar_small: number | null;
    ar_medium: number | null;
    ar_large: number | null;
    images: number;
    predictions_outside: number;
  };
}

/** How good predictions are, by COCO's rules. */
export class Evaluation {
  /** The average precision at IoU 0.5, the mean over the classes that have ground truth. */
  readonly ap50: number | null;
  /** The figures by name, 0 to 1: `AP`, `AP50`, `AP75`, and `AP/<class>`, `AP50/<class>`. */
  readonly metrics: Metrics;
  /** The figures of each class, by its name. */
  readonly classes: Readonly<Record<string, ClassEvaluation>>;
  /** The twelve numbers of COCO, over all classes that occur. */
  readonly coco: CocoFigures;
  /** Images that were looked at. */
  readonly images: number;
  /** Predictions on images that the ground truth does not have; they do not count. */
  readonly predictionsOutside: number;

  /** @internal */
  constructor(text: string) {
    const { ap50, metrics, classes, whole } = JSON.parse(text) as Wire;
    this.ap50 = ap50;
    this.metrics = metrics;
    this.classes = Object.fromEntries(
      classes.map(([name, { ap, ap50, ap75, ar, ground_truths, predictions }]) => [
        name,
        { ap, ap50, ap75, ar, groundTruths: ground_truths, predictions },
      ]),
    );
    this.coco = {
      ap: whole.ap,
      ap50: whole.ap50,
      ap75: whole.ap75,
      apSmall: whole.ap_small,
      apMedium: whole.ap_medium,
      apLarge: whole.ap_large,
      ar1: whole.ar1,
      ar10: whole.ar10,
      ar100: whole.ar100,
      arSmall: whole.ar_small,
      arMedium: whole.ar_medium,
      arLarge: whole.ar_large,
    };
    this.images = whole.images;
    this.predictionsOutside = whole.predictions_outside;
  }
}

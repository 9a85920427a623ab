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

/** COCO's twelve numbers, 0 to 1, over all classes that occur; `null` without ground truth. */
export interface CocoFigures {
  /** Average precision, the mean over IoU 0.5 to 0.95. */
  readonly ap: number | null;
  /** Average precision at IoU 0.5. */
  readonly ap50: number | null;
  /** Average precision at IoU 0.75. */
  readonly ap75: number | null;
  /** Average precision of objects below 32² square pixels. */
  readonly apSmall: number | null;
  /** Average precision of objects from 32² to 96² square pixels. */
  readonly apMedium: number | null;
  /** Average precision of larger objects. */
  readonly apLarge: number | null;
  /** Average recall with one detection per image. */
  readonly ar1: number | null;
  /** Average recall with ten detections per image. */
  readonly ar10: number | null;
  /** Average recall with a hundred detections per image. */
  readonly ar100: number | null;
  /** Average recall of small objects. */
  readonly arSmall: number | null;
  /** Average recall of medium objects. */
  readonly arMedium: number | null;
  /** Average recall of large objects. */
  readonly arLarge: number | null;
}

interface WireWhole {
  ap: number | null;
  ap50: number | null;
  ap75: number | null;
  ap_small: number | null;
  ap_medium: number | null;
  ap_large: number | null;
  ar1: number | null;
  ar10: number | null;
  ar100: number | null;
  ar_small: number | null;
  ar_medium: number | null;
  ar_large: number | null;
  images: number;
  predictions_outside: number;
}

interface Wire {
  whole: WireWhole;
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
  /** COCO's twelve numbers. */
  readonly coco: CocoFigures;
  /** The number of images that were looked at. */
  readonly images: number;
  /** Predictions on images that the ground truth does not have. */
  readonly predictionsOutside: number;

  /** @internal */
  constructor(text: string) {
    const wire = JSON.parse(text) as Wire;
    this.ap50 = wire.ap50;
    this.metrics = wire.metrics;
    const { whole } = wire;
    this.images = whole.images;
    this.predictionsOutside = whole.predictions_outside;
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
    this.perClass = Object.fromEntries(
      wire.classes.map(([name, { ap, ap50, ap75, ar, ground_truths, predictions }]) => [
        name,
        { ap, ap50, ap75, ar, groundTruths: ground_truths, predictions },
      ]),
    );
  }
}

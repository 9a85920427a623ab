import type { Attributes, BBox, Flags, Keypoint, Shape } from "./types";

/** An object that an executor or a label backend found on an image. */
export interface Found {
  /** The name of its class. */
  readonly className: string;
  /** The bounding box in pixels. */
  readonly bbox: BBox;
  /** The outline or the pixels of the object, where they are known. */
  readonly shape?: Shape | null;
  /** Points of the object that have a meaning, in the order of the class's skeleton. */
  readonly keypoints?: readonly Keypoint[];
  /** The rotation of the box around its centre in radians. */
  readonly rotateAngle?: number | null;
  /** The quality of the box. */
  readonly quality?: number | null;
  /** Marks. */
  readonly flags?: Partial<Flags>;
  /** Free attributes. */
  readonly attributes?: Attributes;
}

/** Returns it as the native side reads annotations. @internal */
export function foundToWire({ className, rotateAngle, ...found }: Found): object {
  const { bbox, shape, keypoints, quality, flags, attributes } = found;
  const wire = { bbox, shape, keypoints, quality, flags, attributes };
  return { class: { name: className }, rotate_angle: rotateAngle, ...wire };
}

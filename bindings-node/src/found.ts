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

/** Returns all but the class as the native side reads it. @internal */
export function foundToWire(found: Found): object {
  const { bbox, shape, keypoints, rotateAngle, quality, flags, attributes } = found;
  return { bbox, shape, keypoints, rotate_angle: rotateAngle, quality, flags, attributes };
}

import { wait } from "./calls";
import { native } from "./native";
import { pathOf } from "./paths";

/**
 * Writes a small annotated dataset into a folder, as Pascal VOC: 60 rendered images in the split
 * `pool` and 20 in the split `val`, of the classes `coin`, `washer`, `gear` and `star`, the same on
 * every machine. Nothing happens if they are there; a folder with other files is refused.
 *
 * @example
 * await writeSamples("samples");
 */
export async function writeSamples(folder: string | URL): Promise<void> {
  await wait(() => native.writeSamples(pathOf(folder)));
}

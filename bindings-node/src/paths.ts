import { fileURLToPath } from "node:url";

import type { Progress } from "./types";

/** Returns a path, of a `file:` URL too. @internal */
export function pathOf(path: string | URL): string {
  return typeof path === "string" ? path : fileURLToPath(path);
}

/** Returns the listener of a long operation that passes on how far it is. @internal */
export function progressListener(
  onProgress: ((progress: Progress) => void) | undefined,
): ((text: string) => void) | undefined {
  return onProgress && ((text) => onProgress(JSON.parse(text) as Progress));
}

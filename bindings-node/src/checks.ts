import { YmirError } from "./errors";

/** Returns the error for a value that is none of those that a field takes. @internal */
export function unfit(field: string, wanted: string, found: unknown): YmirError {
  const kind = found === null ? "null" : typeof found;
  const shown = typeof found === "string" || typeof found === "number" ? String(found) : kind;
  const context = { field, found: shown };
  return new YmirError(`${field} must be ${wanted} (field: ${field}, found: ${shown})`, {
    kind: "InvalidInput",
    context,
  });
}

/** Refuses options that a call does not have. @internal */
export function nothingElse(rest: object): void {
  const [field] = Object.keys(rest);
  if (field === undefined) return;
  throw new YmirError(`there is no option ${field} (field: ${field})`, {
    kind: "InvalidInput",
    context: { field },
  });
}

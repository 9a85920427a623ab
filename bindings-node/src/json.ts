import { YmirError } from "./errors";

/** So many lists and objects may stand in each other. */
const DEPTH_MAX = 128;

/**
 * Returns what a caller gave as JSON. What JSON would leave out or make `null` of is refused, with
 * its place: a number that is not finite, a function, a `Map`. @internal
 */
export function jsonOf(given: unknown): string {
  check(given, "", 0);
  return JSON.stringify(given);
}

function check(value: unknown, place: string, depth: number): void {
  const wrong = wrongWith(value);
  if (wrong !== undefined) throw invalid(place, wrong);
  if (typeof value !== "object" || value === null) return;
  if (depth === DEPTH_MAX) {
    throw invalid(place, `stands in more than ${DEPTH_MAX} lists and objects`);
  }
  if (Array.isArray(value)) {
    // By index: a hole is an item that is not given.
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      if (item === undefined) throw invalid(`${place}[${i}]`, "is not given");
      check(item, `${place}[${i}]`, depth + 1);
    }
    return;
  }
  if ("toJSON" in value) return;
  for (const [key, item] of Object.entries(value)) {
    check(item, place === "" ? key : `${place}.${key}`, depth + 1);
  }
}

/** Returns what is wrong with a value by itself. */
function wrongWith(value: unknown): string | undefined {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? undefined : `must be a finite number, not ${value}`;
    case "bigint":
      return "must be a number, not a bigint";
    case "function":
    case "symbol":
      return `cannot be a ${typeof value}`;
    case "object":
      if (value instanceof Map || value instanceof Set || ArrayBuffer.isView(value)) {
        return `cannot be a ${value.constructor.name}; give a list or a plain object`;
      }
  }
  return undefined;
}

function invalid(place: string, wrong: string): YmirError {
  // Options are told by the names that callers know them by.
  const own = place.replace(/^task\./, "").replace(/^[a-z_]+/, camel);
  const field = own === "" ? "options" : own;
  const message = `\`${field}\` ${wrong} (field: ${field})`;
  return new YmirError(message, { kind: "InvalidInput", context: { field } });
}

function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

import { YmirError } from "./errors";

/** Returns a whole number from 0 on; throws what the native side would say of another. @internal */
export function whole(name: string, value: number, max = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  const message = `the ${name} must be a whole number from 0 to ${max}`;
  const context = { field: name, found: String(value) };
  throw new YmirError(`${message} (field: ${name}, found: ${value})`, {
    kind: "InvalidInput",
    context,
  });
}

/** Returns how many records to pass over. @internal */
export const offsetOf = (offset = 0): number => whole("offset", offset);

/** Returns how many records to return at most. @internal */
export const limitOf = (limit = 100): number => whole("limit", limit, 2 ** 32 - 1);

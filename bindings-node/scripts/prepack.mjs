// Runs before packing: nothing is packed that would not work.
import { copyFileSync, existsSync, readdirSync } from "node:fs";

const folder = new URL("../", import.meta.url);
const has = (path) => existsSync(new URL(path, folder));
const addons = readdirSync(folder).filter((name) => name.endsWith(".node"));
if (addons.length === 0 || !has("dist/index.js")) {
  console.error("there is nothing to pack yet: `npm run build` first");
  process.exit(1);
}
copyFileSync(new URL("../LICENSE", folder), new URL("LICENSE", folder));

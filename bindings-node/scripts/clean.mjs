// Removes what the compiler wrote before, so that no file of a source that is gone is packed.
import { rmSync } from "node:fs";

rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });

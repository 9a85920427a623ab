// Builds the native addon and puts it where the package loads it from.
//
//   YMIR_PROFILE       the cargo profile, `dist` unless given
//   CARGO_TARGET_DIR   as for cargo
import { execFileSync } from "node:child_process";
import { copyFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("..", import.meta.url));
const profile = process.env.YMIR_PROFILE ?? "dist";

const cargo = ["build", "--locked", "--profile", profile, "-p", "ymir-node"];
const run = { cwd: folder, encoding: "utf8", maxBuffer: 1 << 26 };
execFileSync("cargo", cargo, { ...run, stdio: "inherit" });
const metadata = execFileSync(
  "cargo",
  ["metadata", "--format-version", "1", "--no-deps", "--locked"],
  run,
);
const target = JSON.parse(metadata).target_directory;

const { platform, arch } = process;
const libraries = {
  linux: "libymir_node.so",
  darwin: "libymir_node.dylib",
  win32: "ymir_node.dll",
};
const library = libraries[platform];
if (library === undefined) throw new Error(`no addon is built for ${platform}`);
const musl = !process.report.getReport().header.glibcVersionRuntime;
const libc = platform === "linux" ? (musl ? "-musl" : "-gnu") : "";
const addon = join(folder, `ymir.${platform}-${arch}${libc}.node`);

// Renamed, as a process may have the old one loaded.
copyFileSync(join(target, profile === "dev" ? "debug" : profile, library), `${addon}.new`);
renameSync(`${addon}.new`, addon);
console.log(addon);

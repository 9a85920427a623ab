// The same module for `import`: one instance of every class, however it is loaded.
export * from "./index.js";

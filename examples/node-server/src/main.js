// Starts the server: PORT and HOST say where it listens, WORKSPACE where everything is kept.
import { buildApp } from "./app.js";
import { openWorkspace } from "./setup.js";

const { PORT = "3000", HOST = "127.0.0.1", WORKSPACE = "workspace" } = process.env;

const app = buildApp(await openWorkspace(WORKSPACE), { logger: true });
await app.listen({ port: Number(PORT), host: HOST });

// Stops what runs, ends the streams, closes the workspace. The project goes on at the next start.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => app.close());

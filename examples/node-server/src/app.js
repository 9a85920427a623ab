// The routes: a thin layer over the workspace.
import Fastify from "fastify";
import { YmirError } from "ymir";

import { Runs } from "./runs.js";

/** The HTTP status that tells what an error of YMIR tells. */
const STATUS = {
  not_found: 404,
  already_exists: 409,
  conflict: 409,
  invalid_input: 400,
  unsupported: 400,
  unauthorized: 403,
  resource_exhausted: 503,
  unavailable: 503,
  timeout: 504,
};

/** Returns the server of an open workspace, which it closes when it is closed itself. */
export function buildApp(workspace, options = {}) {
  const app = Fastify({ forceCloseConnections: true, ...options });
  const runs = new Runs();

  app.addHook("preClose", () => runs.close());
  app.addHook("onClose", () => workspace.close());
  app.setErrorHandler((error, request, reply) => {
    const { code, message } = error;
    const status = error instanceof YmirError ? (STATUS[code] ?? 500) : (error.statusCode ?? 500);
    if (status >= 500) request.log.error(error);
    return reply.status(status).send({ code, message });
  });

  const about = async (project) => {
    const { definition, iterations, stopped } = await project.state();
    const metric = iterations.findLast((iteration) => iteration.metric !== null)?.metric ?? null;
    const running = runs.isRunning(project.name);
    return { name: project.name, running, stopped, metric, definition, iterations };
  };

  app.get("/projects", async () => {
    const names = await workspace.names("project");
    const projects = names.map(async (name) => about(await workspace.project(name)));
    return (await Promise.all(projects)).map(({ name, running, metric, iterations }) => {
      return { name, running, metric, iterations: iterations.length };
    });
  });

  app.get("/projects/:name", async ({ params }) => about(await workspace.project(params.name)));

  app.post("/projects/:name/run", async ({ params, log }, reply) => {
    const started = runs.start(await workspace.project(params.name), log);
    return reply.status(started ? 202 : 409).send({ running: true });
  });

  app.delete("/projects/:name/run", async ({ params }) => {
    const { name } = await workspace.project(params.name);
    await runs.cancel(name);
    return { running: false };
  });

  app.get("/projects/:name/events", async (request, reply) => {
    const { name } = await workspace.project(request.params.name);
    reply.hijack();
    stream(runs.of(name), Number(request.headers["last-event-id"] ?? 0), reply.raw);
  });

  app.get("/datasets/:name", async ({ params, query }) => {
    const dataset = await workspace.dataset(params.name);
    const number = (text, otherwise) => (text === undefined ? otherwise : Number(text));
    const page = await dataset.page({
      offset: number(query.offset, 0),
      limit: number(query.limit, 20),
      className: query.class,
    });
    return { version: dataset.version, summary: dataset.summary, ...page };
  });

  app.get("/images/:id", async ({ params }, reply) => {
    const image = Buffer.from(await workspace.image(params.id));
    reply.header("cache-control", "public, max-age=31536000, immutable");
    return reply.type(image[0] === 0x89 ? "image/png" : "image/jpeg").send(image);
  });

  return app;
}

/** Sends the events of a run after one, then those to come, as server-sent events. */
function stream(run, after, response) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.flushHeaders();
  const send = ({ id, type, data }) => {
    if (id > after) {
      response.write(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
    }
  };
  const close = () => response.end();
  run.events.forEach(send);
  run.on("event", send).on("close", close);
  response.on("close", () => run.off("event", send).off("close", close));
}

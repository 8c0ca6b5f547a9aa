// Logs with pino and with winston's Http transport, each way that transport can send: arguments are host, port and key.
const { Writable } = require("node:stream");
const http = require("node:http");
const pino = require("pino");
const winston = require("winston");

const [host, port, key] = process.argv.slice(2);
const path = "/api/v1/action-logs";
let lines = "";
const logger = pino({ level: "trace", name: "shop" }, new Writable({ write(chunk, _, done) { lines += chunk; done(); } }));
for (const level of ["trace", "debug", "info", "warn", "error", "fatal"]) logger[level](`pino ${level}`);
logger.info({ uuid: "ord-17", id: 5 }, "pino with an order");
logger.info({ a: 1 });
logger.error(new Error("boom"), "pino failed");

function post(body) {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/x-ndjson" };
    const request = http.request({ host, port, path, method: "POST", headers }, (answer) => {
      answer.resume().on("end", () => (answer.statusCode === 201 ? resolve() : reject(new Error(`${answer.statusCode}`))));
    });
    request.on("error", reject).end(body);
  });
}

/** Logs with a transport, and waits until it has said of every request what came of it. */
async function withWinston(requests, options, log) {
  const transport = new winston.transports.Http({ host, port, ...options });
  const said = new Promise((resolve) => {
    let count = 0;
    const settled = (error) => {
      // 201 is a failure to it.
      if (error instanceof Error && error.message !== "Invalid HTTP Status Code: 201") throw error;
      if (++count === requests) resolve();
    };
    transport.on("warn", settled);
    transport.on("logged", settled);
  });
  log(winston.createLogger({ level: "silly", levels: options.levels, transports: [transport] }));
  await said;
}

async function main() {
  await post(lines);
  const bearer = { auth: { bearer: key }, path };
  await withWinston(7, bearer, (log) => {
    for (const level of Object.keys(winston.config.npm.levels)) log[level](`winston ${level}`, { shop: "x" });
  });
  await withWinston(1, { ...bearer, batch: true, batchCount: 3, batchInterval: 60_000 }, (log) => {
    log.info("winston batch");
    log.error(new Error("boom"));
    log.warn({ a: 1 });
  });
  await withWinston(1, { auth: { username: "shop", password: key }, path: "/api/v1/oms/logs/action_log/" }, (log) => {
    log.info("winston oms");
  });
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

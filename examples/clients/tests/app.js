"use strict";
// An application under test; what it understands on stdin is told in app.py. Each record is a request to itself.

const express = require("express");
const http = require("node:http");
const path = require("node:path");
const readline = require("node:readline");
const { audit, pace } = require(path.join(__dirname, "..", "audit_express.cjs"));

const PATIENCE = 60_000;
// As a test cannot wait for as long as a network operator would.
Object.assign(pace, { backOffLeast: 20, backOffMost: 200, retryAfterMost: 100 });

let described = 0;
const describe = (req) => {
  described += 1;
  return { description: req.body.label };
};
const auditing = audit({ url: process.env.AUDIT_URL, key: process.env.AUDIT_KEY, spool: process.env.AUDIT_SPOOL, describe });
const app = express();
app.use(auditing);
app.use(express.json({ limit: "3mb" }));
app.post("/orders/:id", (req, res) => res.json({}));

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function post(port, body) {
  return new Promise((resolve, reject) => {
    const options = { port, host: "127.0.0.1", method: "POST", path: "/orders/1", agent, headers: { "Content-Type": "application/json" } };
    const request = http.request(options, (response) => response.resume().on("end", resolve));
    request.on("error", reject);
    request.end(JSON.stringify(body));
  });
}

const server = app.listen(0, "127.0.0.1", async () => {
  const { port } = server.address();
  const prefix = `${process.pid}-${Date.now()}`;
  let made = 0;
  let label = 0;
  const make = async (body) => {
    await post(port, body);
    made += 1;
    // The answer may be here before the middleware has seen the end of it.
    while (described < made) await new Promise(setImmediate);
  };
  const commands = {
    send: async (count) => {
      for (let left = count; left > 0; left -= 1) {
        await make({ label: `${prefix}-${(label += 1)}` });
        console.log(`${prefix}-${label}`);
      }
    },
    // Larger than the server takes an event.
    poison: () => make({ label: "poison", text: "x".repeat(1 << 20) }),
    spooled: async () => console.log(`spooled ${await auditing.spooled(PATIENCE)}`),
    flush: async () => console.log(`flushed ${await auditing.flush(PATIENCE)}`),
  };
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [name, count] = line.split(" ");
    if (name === "close") break;
    await commands[name](Number(count));
    console.log("done");
  }
  agent.destroy();
  server.close(() => auditing.close());
});

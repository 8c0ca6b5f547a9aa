"use strict";
// `audit_express.cjs` in an application, read back from the running server at AUDIT_URL, with AUDIT_KEY.

const assert = require("node:assert");
const express = require("express");
const fs = require("node:fs");
const http = require("node:http");
const os = require("node:os");
const path = require("node:path");
const { spawnSync } = require("node:child_process");
const { test } = require("node:test");
const { audit, delay, MASK, pace, tellsOf, waitOf } = require("../audit_express.cjs");

const { AUDIT_URL: url, AUDIT_KEY: key } = process.env;
const PATIENCE = 60_000;
const CLIENT = path.join(__dirname, "..", "audit_express.cjs");

function directory(t) {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), "audit-"));
  t.after(() => fs.rmSync(made, { recursive: true, force: true }));
  return made;
}

async function log(query) {
  const answer = await fetch(`${url}/api/v1/events?${new URLSearchParams({ sort: "position", ...query })}`, { headers: { Authorization: key } });
  return (await answer.json()).results;
}

/** An application with the middleware, and a function that asks it. */
async function application(t, options, routes) {
  const auditing = audit({ url, key, spool: directory(t), ...options });
  const app = express();
  app.use(auditing, express.json(), express.urlencoded({ extended: true }));
  routes?.(app);
  const server = app.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await auditing.close(0);
  });
  const { port } = server.address();
  return { auditing, port, ask: (method, place, init = {}) => fetch(`http://127.0.0.1:${port}${place}`, { method, ...init }) };
}

async function until(holds) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await holds();
    if (found) return found;
    assert.ok(Date.now() < end, "it does not happen");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function oneEvent(auditing, remembered) {
  const [event] = await until(async () => {
    await auditing.flush(PATIENCE);
    const events = await log({ url: remembered });
    return events.length && events;
  });
  return event;
}

test("a request is an event with who, from where, what and how it ended", async (t) => {
  const user = () => ({ pk: 7, username: "zoe", session_token: "hush" });
  const routes = (app) => app.put("/shop/orders/:id", (req, res) => res.status(202).json({}));
  const { auditing, ask, port } = await application(t, { user }, routes);
  await ask("PUT", "/shop/orders/859?page=2&token=hush", {
    headers: { "Content-Type": "application/json", "User-Agent": "curl/8", Authorization: "Bearer hush", Cookie: "sid=hush", "X-Reset-Token": "hush" },
    body: JSON.stringify({ quantity: 2, account: { Password: "hush", keys: [{ api_key: "hush" }] } }),
  });
  const address = `http://127.0.0.1:${port}/shop/orders/859`;
  const event = await oneEvent(auditing, address);
  assert.equal(event.action, "PUT");
  assert.deepEqual(event.user, { pk: 7, username: "zoe", session_token: "[masked]" });
  assert.equal(event.remote_addr, "127.0.0.1");
  assert.deepEqual(event.query_params, { page: "2", token: "[masked]" });
  assert.deepEqual(event.post_data, { quantity: 2, account: { Password: "[masked]", keys: [{ api_key: "[masked]" }] } });
  assert.equal(event.headers["user-agent"], "curl/8");
  assert.equal(event.headers["x-reset-token"], "[masked]");
  assert.ok(!("authorization" in event.headers) && !("cookie" in event.headers));
  const { milliseconds, ...extra } = event.extra;
  assert.deepEqual(extra, { method: "PUT", status: 202, params: { id: "859" } });
  assert.ok(milliseconds >= 0);
  assert.ok(!JSON.stringify(event).includes("hush"));
});

test("reading is no event, nor what is skipped; describe() adds and replaces", async (t) => {
  const routes = (app) => app.all(/.*/, (req, res) => res.json({}));
  const describe = (req) => ({ action: "CREATE", table_name: "orders", object_id: 17, content: { new_data: req.body } });
  const skip = (req) => req.path === "/skipped";
  const { auditing, ask, port } = await application(t, { describe, skip }, routes);
  await ask("GET", "/orders");
  await ask("POST", "/skipped");
  await ask("POST", "/orders", { headers: { "Content-Type": "application/x-www-form-urlencoded" }, body: "a=1&a=2" });
  const event = await oneEvent(auditing, `http://127.0.0.1:${port}/orders`);
  assert.deepEqual([event.action, event.table_name, event.object_id], ["CREATE", "orders", 17]);
  assert.deepEqual(event.content, { new_data: { a: ["1", "2"] } });
  assert.equal(auditing.sent, 1);
});

test("of a user of the application only what says who it is goes out", async (t) => {
  const { auditing, ask, port } = await application(t, {}, (app) => {
    app.use((req, res, next) => {
      req.user = { id: "u-1", name: "zoe", email: "zoe@example.com", digest: "hush" };
      next();
    });
    app.post("/", (req, res) => res.json({}));
  });
  await ask("POST", "/");
  const event = await oneEvent(auditing, `http://127.0.0.1:${port}/`);
  assert.deepEqual(event.user, { pk: "u-1", username: "zoe", email: "zoe@example.com" });
});

test("a failing route and a client that has gone are seen too", async (t) => {
  let arrived;
  const waiting = new Promise((resolve) => (arrived = resolve));
  const { auditing, ask, port } = await application(t, {}, (app) => {
    app.set("trust proxy", 1);
    app.post("/fails", () => {
      throw new Error("no such order");
    });
    app.post("/hangs/:id", () => arrived());
    app.post("/streams", (req, res) => res.status(206).write("part", arrived));
    app.use((error, req, res, next) => res.status(500).json({}));
  });
  await ask("POST", "/fails");
  assert.equal((await oneEvent(auditing, `http://127.0.0.1:${port}/fails`)).extra.status, 500);

  const headers = { "X-Forwarded-For": "203.0.113.5:4711", "Content-Type": "application/json", "User-Agent": "gone" };
  const request = http.request({ port, host: "127.0.0.1", method: "POST", path: "/hangs/7?page=2", headers });
  request.on("error", () => {});
  request.end('{"a":1}');
  await waiting;
  request.destroy();
  const gone = await oneEvent(auditing, `http://127.0.0.1:${port}/hangs/7`);
  assert.equal(gone.outcome, null);
  assert.deepEqual([gone.remote_addr, gone.query_params, gone.post_data], ["203.0.113.5", { page: "2" }, { a: 1 }]);
  assert.equal(gone.headers["user-agent"], "gone");
  const { milliseconds, ...extra } = gone.extra;
  assert.deepEqual(extra, { method: "POST", status: 499, aborted: true, params: { id: "7" } });

  const half = http.request({ port, host: "127.0.0.1", method: "POST", path: "/streams" }, () => half.destroy());
  half.on("error", () => {});
  half.end();
  const begun = await oneEvent(auditing, `http://127.0.0.1:${port}/streams`);
  assert.deepEqual([begun.remote_addr, begun.extra.status, begun.extra.aborted], ["127.0.0.1", 206, true]);
});

test("outcome, ids of requests, application and impersonator are members of their own", async (t) => {
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const options = { source: "shop", impersonator: (req) => req.query.really && { pk: 1, username: req.query.really, password: "hush" } };
  const { auditing, ask, port } = await application(t, options, (app) => {
    app.use((req, res, next) => {
      req.id = req.query.id ?? 5;
      next();
    });
    app.post("/:status", (req, res) => res.status(Number(req.params.status)).json({}));
  });
  const seen = [];
  for (const [place, headers] of [
    ["/204"],
    ["/499?id=%20req-3%20"],
    ["/200?id=%20"],
    ["/201?really=tom", { "X-Request-ID": " req-1 ", traceparent: `00-${trace}-00f067aa0ba902b7-01` }],
    ["/302", { traceparent: `00-${trace}-00f067aa0ba902b7-01` }],
    ["/400?id=req-2", { traceparent: "00-xyz" }],
    ["/503", { "X-Request-ID": "x".repeat(500) }],
  ]) {
    await ask("POST", place, { headers, redirect: "manual" });
    const event = await oneEvent(auditing, `http://127.0.0.1:${port}${place.split("?")[0]}`);
    seen.push([event.outcome, event.correlation_id, event.source, event.impersonator]);
    assert.equal(event.extra.aborted, undefined);
  }
  assert.deepEqual(seen, [
    ["success", "5", "shop", null],
    ["failure", "req-3", "shop", null],
    ["success", null, "shop", null],
    ["success", "req-1", "shop", { pk: 1, username: "tom", password: "[masked]" }],
    ["success", trace, "shop", null],
    ["failure", "req-2", "shop", null],
    ["failure", "x".repeat(200), "shop", null],
  ]);
  const uuid = auditing.send({ action: "OWN", source: "other" });
  await auditing.flush(PATIENCE);
  const [own] = await log({ uuid });
  assert.deepEqual([own.source, own.outcome, own.correlation_id], ["other", null, null]);
});

test("an address loses its port", async (t) => {
  const routes = (app) => app.set("trust proxy", 1).post("/:n", (req, res) => res.json({}));
  const { auditing, ask, port } = await application(t, {}, routes);
  const addresses = [["203.0.113.5:4711", "203.0.113.5"], ["[2001:db8::1]:4711", "2001:db8::1"], ["[2001:db8::1]", "2001:db8::1"],
    ["2001:db8::1", "2001:db8::1"], ["::ffff:192.0.2.1", "::ffff:192.0.2.1"], ["unknown", "unknown"]];
  for (const [n, [said, address]] of addresses.entries()) {
    await ask("POST", `/${n}`, { headers: { "X-Forwarded-For": `198.51.100.4, ${said}` } });
    assert.equal((await oneEvent(auditing, `http://127.0.0.1:${port}/${n}`)).remote_addr, address);
  }
});

test("what describe() adds is masked, and a secret in the path is nowhere", async (t) => {
  const secret = "s3cret/of a=reset";
  const describe = (req) => ({
    table_name: "shop.reset", object_id: req.params.token, content: { new_data: { apiKey: secret, list: [{ "Card Number": "4111" }] } },
    password: "hush-hush", link: `/resets/${encodeURIComponent(secret)}`, note: "kept",
  });
  const routes = (app) => app.post("/resets/:token", (req, res) => res.json({}));
  const { auditing, ask, port } = await application(t, { describe }, routes);
  await ask("POST", `/resets/${encodeURIComponent(secret)}?next=${encodeURIComponent(secret)}`, {
    headers: { Referer: `http://shop.example/resets/${encodeURIComponent(secret)}?token=hush-hush&page=2`, "X-Shop-Api-Key": "hush-hush" },
  });
  const event = await oneEvent(auditing, `http://127.0.0.1:${port}/resets/[masked]`);
  assert.deepEqual(event.content, { new_data: { apiKey: "[masked]", list: [{ "Card Number": "[masked]" }] } });
  assert.deepEqual([event.object_id, event.extra.password, event.extra.note], ["[masked]", "[masked]", "kept"]);
  assert.equal(event.headers.referer, "http://shop.example/resets/[masked]?token=[masked]&page=2");
  assert.deepEqual([event.query_params, event.extra.params, event.extra.link], [{ next: "[masked]" }, { token: "[masked]" }, "/resets/[masked]"]);
  for (const text of ["s3cret", "hush", "4111"]) assert.ok(!JSON.stringify(event).includes(text), text);
});

test("words of names count and not parts of words", async (t) => {
  const names = JSON.parse(fs.readFileSync(path.join(__dirname, "names.json"), "utf8"));
  const all = [...names.secret, ...names.other, "sessionId"];
  // The server masks too: this is what the client does by itself.
  assert.deepEqual(all.filter((name) => tellsOf(name, MASK)), [...names.secret, "sessionId"]);
  const described = { content: { new_data: Object.fromEntries(all.map((name) => [name, "w0rd-of-mouth"])) }, secret: true, tokens: 512 };
  const routes = (app) => app.post("/", (req, res) => res.json({}));
  const { auditing, ask, port } = await application(t, { describe: () => described }, routes);
  await ask("POST", "/");
  const event = await oneEvent(auditing, `http://127.0.0.1:${port}/`);
  const masked = Object.entries(event.content.new_data).filter(([, value]) => value === "[masked]").map(([name]) => name);
  assert.deepEqual(masked.sort(), [...names.secret, "sessionId"].sort());
  assert.deepEqual([event.extra.secret, event.extra.tokens], [true, 512]);

  const own = await application(t, { describe: () => described, mask: ["reset link"] }, (app) => app.post("/own", (req, res) => res.json({})));
  await own.ask("POST", "/own?resetLink=7&preset_links=7&presetlink=7");
  const { query_params: query } = await oneEvent(own.auditing, `http://127.0.0.1:${own.port}/own`);
  assert.deepEqual(query, { resetLink: "[masked]", preset_links: "7", presetlink: "7" });
});

test("the id of a credential is not shown, and that of a row is", async (t) => {
  const describe = (req) => ({ table_name: "auth.access_token", object_id: req.params.id });
  const { auditing, ask, port } = await application(t, { describe }, (app) => {
    const router = express.Router();
    router.delete("/:id", (req, res) => res.json({}));
    app.use("/tokens", router);
  });
  await ask("DELETE", "/tokens/9944b09199c62bcf9418");
  const masked = await oneEvent(auditing, `http://127.0.0.1:${port}/tokens/[masked]`);
  assert.deepEqual([masked.object_id, masked.extra.params], ["[masked]", { id: "[masked]" }]);
  await ask("DELETE", "/tokens/17");
  assert.equal((await oneEvent(auditing, `http://127.0.0.1:${port}/tokens/17`)).object_id, "17");
  const uuid = "0b5cdb6c-9a2e-4d4f-8a3e-5f1f0f6f7d10";
  await ask("DELETE", `/tokens/${uuid}`);
  assert.equal((await oneEvent(auditing, `http://127.0.0.1:${port}/tokens/${uuid}`)).object_id, uuid);
  const footprint = await application(t, { describe: (req) => ({ table_name: "eco.footprint", object_id: req.params.id }) },
    (app) => app.post("/footprints/:id", (req, res) => res.json({})));
  await footprint.ask("POST", "/footprints/carbon-of-2026");
  assert.equal((await oneEvent(footprint.auditing, `http://127.0.0.1:${footprint.port}/footprints/carbon-of-2026`)).object_id, "carbon-of-2026");
});

for (const [type, load] of [
  ["commonjs", 'const express = require("express"); const { audit } = require("./audit_express.cjs");'],
  ["module", 'import express from "express"; import { audit } from "./audit_express.cjs";'],
  [undefined, 'const express = require("express"); const { audit } = require("./audit_express.cjs");'],
]) {
  test(`it works in a project of type ${type}`, async (t) => {
    const project = directory(t);
    fs.writeFileSync(path.join(project, "package.json"), JSON.stringify({ type }));
    fs.copyFileSync(CLIENT, path.join(project, "audit_express.cjs"));
    // As `npm install express` leaves it.
    fs.symlinkSync(require.resolve("express").split(/(?<=node_modules)/)[0], path.join(project, "node_modules"));
    fs.writeFileSync(path.join(project, "app.js"), `${load}
      const auditing = audit({ url: process.env.AUDIT_URL, key: process.env.AUDIT_KEY, spool: "audit-spool" });
      const app = express().use(auditing).post("/projects", (req, res) => res.json({}));
      const server = app.listen(0, "127.0.0.1", () => {
        const { port } = server.address();
        fetch("http://127.0.0.1:" + port + "/projects", { method: "POST" }).then((answer) => answer.text()).then(() => {
          server.close();
          server.closeAllConnections();
          return new Promise((resolve) => setImmediate(resolve));
        }).then(() => auditing.flush(${PATIENCE})).then(() => auditing.close()).then(() => console.log(port, auditing.sent));
      });`);
    const { stdout, stderr, status } = spawnSync(process.execPath, ["app.js"], { cwd: project, encoding: "utf8", timeout: PATIENCE });
    assert.equal(status, 0, stderr);
    const [port, sent] = stdout.trim().split(" ");
    assert.equal(sent, "1");
    assert.equal((await log({ url: `http://127.0.0.1:${port}/projects` })).length, 1);
  });
}

test("nothing throws into the application", async (t) => {
  const told = [];
  const broken = () => {
    throw new Error("not today");
  };
  const { auditing, ask } = await application(t, { user: broken, onError: (text) => told.push(text) }, (app) => app.post("/", (req, res) => res.json({ fine: true })));
  assert.deepEqual(await (await ask("POST", "/")).json(), { fine: true });
  await until(() => auditing.dropped === 1);
  assert.match(told[0], /not today/);
  const circle = {};
  circle.self = circle;
  assert.equal(auditing.send(circle), null);
  assert.equal(typeof auditing.send({ description: "big", count: 1n }), "string");
  assert.throws(() => audit({ url: "ftp://example.com" }), /http:\/\/HOST:PORT/);
});

test("a full queue drops and counts", async (t) => {
  const told = [];
  const auditing = audit({ url: "http://127.0.0.1:1", key, queueLimit: 10_000, onError: (text) => told.push(text) });
  for (let n = 0; n < 1000; n += 1) auditing.send({ n });
  assert.ok(auditing.dropped > 800);
  await auditing.close(0);
  assert.equal(auditing.dropped, 1000, "without a spool, the end loses the rest, and says so");
  assert.ok(told.some((text) => text.includes("dropped")));
});

test("process.exit() keeps what is in memory, and the next start sends it", async (t) => {
  const spool = directory(t);
  const program = `const a = require(process.argv[1]).audit({ url: "http://127.0.0.1:1", key: "k", spool: process.argv[2], onError() {} });
    for (let n = 0; n < 50; n += 1) a.send({ description: "exit-" + process.pid, n });
    console.log(process.pid);
    process.exit();`;
  const { stdout, status } = spawnSync(process.execPath, ["-e", program, CLIENT, spool], { encoding: "utf8" });
  assert.equal(status, 0);
  fs.writeFileSync(path.join(spool, "requests-1-999999999-0-aa.ndjson"), '{"torn');
  const auditing = audit({ url, key, spool, onError() {} });
  await until(async () => (await auditing.flush(PATIENCE)) && auditing.sent === 50);
  await auditing.close();
  const events = (await log({ limit: 1000 })).filter((event) => event.description === `exit-${stdout.trim()}`);
  assert.deepEqual(events.map((event) => event.extra.n), [...Array(50).keys()]);
  assert.deepEqual(fs.readdirSync(spool), ["requests.rejected"]);
  assert.equal(JSON.parse(fs.readFileSync(path.join(spool, "requests.rejected"), "utf8")).record, '{"torn');
});

test("a spool that cannot be made is told and done without", async (t) => {
  const told = [];
  const file = path.join(directory(t), "a-file");
  fs.writeFileSync(file, "");
  const auditing = audit({ url, key, spool: path.join(file, "spool"), onError: (text) => told.push(text) });
  const uuid = auditing.send({ description: "without a spool" });
  assert.ok(await auditing.flush(PATIENCE));
  assert.equal((await log({ limit: 1000 })).filter((event) => event.uuid === uuid).length, 1);
  await auditing.close();
  assert.equal(told.length, 1);
  assert.match(told[0], /^the spool cannot be written, events wait in memory: .*a-file/);
});

test("a redirect is not followed and is told with its target", async (t) => {
  const answers = [[308, "/api/v1/events/"], [301, "https://other.example/"]];
  const seen = [];
  const server = http.createServer((req, res) => {
    seen.push(`${req.method} ${req.url}`);
    const [status, location] = answers.shift() ?? [201, undefined];
    req.resume().on("end", () => res.writeHead(status, location ? { Location: location } : {}).end('{"accepted":1,"duplicates":0}'));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  Object.assign(pace, { backOffLeast: 5, backOffMost: 20 });
  t.after(() => Object.assign(pace, { backOffLeast: 500, backOffMost: 60_000 }));
  const told = [];
  const auditing = audit({ url: `http://127.0.0.1:${server.address().port}`, key, spool: directory(t), onError: (text) => told.push(text) });
  auditing.send({ n: 1 });
  await until(() => auditing.sent === 1);
  await auditing.close();
  assert.deepEqual(seen, Array(3).fill("POST /api/v1/events"));
  assert.match(told[0], /answers 308 and points to \/api\/v1\/events\/: set the address/);
});

test("only receipts count, and a 404 waits unless the event names its channel", async (t) => {
  const answers = [[200, "<html>"], [201, '{"accepted":0,"duplicates":0}'], [404, "{}"], [503, ""]];
  const seen = [];
  const server = http.createServer((req, res) => {
    req.on("data", (chunk) => seen.push(String(chunk))).on("end", () => {
      const [status, text] = answers.shift() ?? [201, '{"accepted":1,"duplicates":0}'];
      res.writeHead(status, { "Retry-After": "0" }).end(text);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  Object.assign(pace, { backOffLeast: 5, backOffMost: 20 });
  t.after(() => Object.assign(pace, { backOffLeast: 500, backOffMost: 60_000 }));
  const spool = directory(t);
  const auditing = audit({ url: `http://127.0.0.1:${server.address().port}/`, key, spool, onError() {} });
  const first = auditing.send({ n: 1 });
  await until(() => auditing.sent === 1);
  answers.push([404, "{}"]);
  const second = auditing.send({ n: 2, channel_id: 9 });
  await until(() => auditing.sent + auditing.rejected === 2);
  await auditing.close();
  assert.equal(seen.filter((body) => body.includes(first)).length, 5);
  assert.deepEqual([auditing.sent, auditing.rejected], [1, 1]);
  assert.equal(JSON.parse(fs.readFileSync(path.join(spool, "requests.rejected"), "utf8")).record.uuid, second);
});

test("the pause doubles up to a limit and is never shorter than the server asks", () => {
  for (const [failures, longest] of [[0, 500], [1, 1000], [3, 4000], [7, 60_000], [1000, 60_000]]) {
    const waited = delay(failures, undefined);
    assert.ok(waited >= longest / 2 && waited <= longest, `${failures}: ${waited}`);
  }
  assert.ok(delay(0, 17_000) > 17_000);
  assert.ok(delay(0, 1e12) < 400_000);
  assert.equal(waitOf("5"), 5000);
  assert.equal(waitOf(undefined), undefined);
  assert.equal(waitOf("soon"), undefined);
  const date = waitOf(new Date(Date.now() + 60_000).toUTCString());
  assert.ok(date > 50_000 && date <= 60_000);
});

test("a spool that cannot be written is done without", async (t) => {
  const told = [];
  const spool = directory(t);
  const auditing = audit({ url, key, spool, onError: (text) => told.push(text) });
  fs.rmSync(spool, { recursive: true });
  const uuids = [...Array(30).keys()].map((n) => auditing.send({ description: "no spool", n }));
  await until(() => auditing.flush(PATIENCE));
  assert.deepEqual((await log({ limit: 1000 })).filter((event) => event.description === "no spool").map((event) => event.uuid), uuids);
  assert.ok(told.some((text) => text.includes("cannot be written")));
  await auditing.close();
});

test("the process ends by itself when there is nothing left to do", () => {
  const program = `const a = require(process.argv[1]).audit({ url: process.argv[2], key: process.argv[3], onError() {} });
    a.send({ description: "natural end" }); a.flush(60000).then((done) => console.log(done));`;
  const { stdout, status } = spawnSync(process.execPath, ["-e", program, CLIENT, url, key], { encoding: "utf8", timeout: PATIENCE });
  assert.deepEqual([stdout.trim(), status], ["true", 0]);
});

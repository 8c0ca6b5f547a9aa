"use strict";
/*
Sends what an Express application is asked to change to an audit log server: one event for each POST, PUT, PATCH and DELETE.

One file for Node 18 and later and Express 4 or 5, without dependencies: copy it beside your code. CommonJS and ES modules can both
load it, whatever `type` the project's package.json has:

    const { audit } = require("./audit_express.cjs");
    import { audit } from "./audit_express.cjs";

    const auditing = audit({ url: "http://127.0.0.1:8080", key: KEY, spool: "audit-spool", user: (req) => req.user });

    app.use(auditing); // in front of the routes
    process.on("SIGTERM", () => server.close(() => auditing.close().then(() => process.exit())));

An event has the method, URL, user, address, query, body and headers, and under `extra` the status, the route's parameters and the
time it took. `outcome` is `failure` from status 400 on, otherwise `success`. `correlation_id` is the request's `X-Request-ID`, the
trace id of its `traceparent`, or `req.id`, a text or a number. Where the client has gone before it had its answer, `aborted` is true,
and `status` is 499 if there was no answer yet, without an outcome; what the route does after that is not seen.
`auditing.send(event)` takes events of your own, in the server's native shape, and sends them as they are.

Values whose names end with one of the names of MASK are not sent: in user, query, body, headers, route parameters, the path of the URL,
and in what `describe` adds.

The way of an event: it gets a uuid and goes into a queue in memory; from there into a file of the spool, synced; from there, oldest
first, to the server, and it is forgotten only when the server says that it is on disk. So it outlives the process from a
moment after it was made, whether or not the server is there; and since the server knows its uuid, what is sent twice is stored once.
What the server refuses for good goes into `requests.rejected` in the spool's directory, with the reason. `process.exit()`
still writes what is in memory; a signal without a handler does not. Nothing here throws into the application or holds up a response.
The price is a bound: when queue and spool are full, new events are dropped, counted in `auditing.dropped`, and reported.

Give each application on each host or container a directory of its own: its processes share it, and each sends, beside its own files,
those of processes that have died. Without `spool` there is only memory.

Options beside url, key and spool:

    channel_id        the channel to write to; otherwise the server decides by the key
    user(req)         who asks: an object with `pk` and `username`, an id, or null; default: id, name and e-mail address of req.user
    impersonator(req) who really asks, where `user` is somebody whom this person acts as: the same forms
    source            the name of the application, in each event
    describe(req,res) further members of the event, or others than these: action, table_name, object_id, content …
    skip(req)         true for requests to leave out
    methods           default: POST, PUT, PATCH, DELETE
    mask              names whose values are not sent, by their last words; default: MASK
    headersExclude    headers not to send at all; default: HEADERS_EXCLUDE
    spoolLimit        bytes that may wait on disk, for each process; default 256 MiB
    queueLimit        bytes that may wait in memory; default 16 MiB
    timeout           milliseconds for a request to the server; default 10000
    agent             an http.Agent or https.Agent, for a certificate authority of your own
    onError(text)     default: console.error; each kind of fault at most once a minute
*/

const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const path = require("node:path");

// The last words of names, written as one: `cardnumber` is `card_number`, `cardNumber` and `Shop-Card-Number`, and their plurals. Words
// count and not parts of them: `otp` is not in `footprint`, nor `secret` in `secretary`. The server has a longer list.
const MASK = ["password", "passwd", "pwd", "passphrase", "passcode", "newpassword", "oldpassword", "userpassword",
  "currentpassword", "secret", "clientsecret", "appsecret", "apisecret", "token", "accesstoken", "refreshtoken", "idtoken",
  "authtoken", "bearertoken", "sessiontoken", "apitoken", "csrftoken", "csrfmiddlewaretoken", "xsrftoken", "jwt", "bearer", "csrf",
  "xsrf", "apikey", "accesskey", "privatekey", "sessionkey", "secretkey", "encryptionkey", "signingkey", "masterkey", "accountkey",
  "authkey", "tokenkey", "authorization", "credential", "cookie", "sessionid", "jsessionid", "phpsessid", "otp", "totp", "otpcode",
  "totpcode", "otpseed", "totpseed", "recoverycode", "backupcode", "cardnumber", "ccnumber", "cvv", "cvc", "iban", "ssn",
  "socialsecuritynumber"];
// After these words, what they say the form of: `password_hash`, `token_value`, `old_password` and `password2`.
const FORMS = new Set(["value", "hash", "hashed", "digest", "raw", "plain", "plaintext", "string", "str", "header", "old", "new",
  "current", "previous", "original", "confirm", "confirmation", "again", "repeat", "retype", "encrypted", "encoded", "enc", "base",
  "hex", "bytes", "input", "default", "before", "after"]);
// In front of them, what makes the name that of a flag, a number or, with a token, a page: `has_password`, `max_tokens`, `next_token`.
const STATEMENTS = new Set(["is", "are", "has", "have", "had", "was", "no", "non", "not", "need", "needs", "require", "requires",
  "required", "use", "uses", "allow", "allows", "enable", "enabled", "disable", "disabled", "show", "hide", "can", "should", "must",
  "missing", "min", "max", "num", "n", "total", "count", "with", "without"]);
const PAGES = new Set(["next", "page", "paging", "pagination", "continuation", "continue", "cursor", "sync", "delta", "skip",
  "prompt", "completion", "input", "output", "reasoning", "cached", "remaining", "used", "idempotency"]);
// Words of the names of tables and routes of credentials.
const CREDENTIALS = ["password", "secret", "token", "authtoken", "accesstoken", "refreshtoken", "apitoken", "credential", "apikey",
  "accesskey", "otp", "totp", "hotp", "oauth", "jwt"];
// The word that the server has for it too.
const MASKED = "[masked]";
const HEADERS_EXCLUDE = ["authorization", "proxy-authorization", "cookie", "x-csrf-token", "x-api-key"];
const METHODS = ["POST", "PUT", "PATCH", "DELETE"];

const BATCH_RECORDS_MAX = 500;
// Reverse proxies commonly take a body of 1 MiB; a single event may be larger.
const BATCH_BYTES_MAX = 512 * 1024;
const SEGMENT_BYTES_MAX = 4 * 1024 * 1024;
const REPORT_MS = 60_000;
const NEWLINE = 10;
// Times in milliseconds, for tests to change.
const pace = { backOffLeast: 500, backOffMost: 60_000, retryAfterMost: 300_000, adopt: 30_000 };

/** The middleware, which is a sender too: send, spooled, flush, close, sent, rejected, dropped. */
function audit(options) {
  const sender = new Sender(options);
  const methods = new Set(options.methods ?? METHODS);
  const middleware = (req, res, next) => {
    try {
      if (methods.has(req.method) && !options.skip?.(req)) {
        const arrived = arrival(req, options);
        // "close" comes after the last byte, and also when the client has gone before.
        res.once("close", () => sender.guard(() => sender.send(describe(req, res, arrived, options))));
      }
    } catch (error) {
      sender.report("request", `a request is not recorded: ${error}`);
    }
    next();
  };
  for (const name of ["send", "spooled", "flush", "close"]) middleware[name] = sender[name].bind(sender);
  for (const name of ["sent", "rejected", "dropped"]) Object.defineProperty(middleware, name, { get: () => sender[name] });
  return middleware;
}

/** What is known as the request comes in: of a client that has gone, Node forgets the address. */
function arrival(req, options) {
  const excluded = new Set((options.headersExclude ?? HEADERS_EXCLUDE).map((name) => name.toLowerCase()));
  const names = options.mask ?? MASK;
  const headers = Object.entries(req.headers).filter(([name]) => !excluded.has(name));
  const members = {
    timestamp: new Date().toISOString(),
    remote_addr: withoutPort(req.ip),
    // Without the query: it stands in query_params, where secrets can be masked.
    url: `${req.protocol}://${req.get("host")}${req.originalUrl.split("?")[0]}`,
    query_params: mask(req.query, names, []),
    correlation_id: correlationOf(req.headers),
    headers: mask(Object.fromEntries(headers.map(([name, value]) => [name, maskQueries(value, names)])), names, []),
  };
  return { members, at: process.hrtime.bigint() };
}

/** The id that a proxy has given the request, or that of its trace. */
function correlationOf({ "x-request-id": given, traceparent }) {
  const [, trace] = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/.exec(traceparent?.trim() ?? "") ?? [];
  return given?.trim().slice(0, 200) || trace;
}

/** The id that the application has given the request. pino-http's default is a number. */
function ownIdOf({ id }) {
  const isId = typeof id === "string" || Number.isFinite(id);
  return (isId && String(id).trim().slice(0, 200)) || undefined;
}

/** The event, as the response is over. */
function describe(req, res, arrived, options) {
  const names = options.mask ?? MASK;
  const masked = (value) => mask(value, names, []);
  const { timestamp, remote_addr, url, query_params, correlation_id, headers } = arrived.members;
  const isAnswered = res.writableEnded || res.headersSent;
  // As nginx has it in its log. The status of an answer that was not begun is 200 in Node.
  const status = isAnswered ? res.statusCode : 499;
  const event = {
    timestamp,
    action: req.method,
    // A 499 of the application's own is a failure like any other.
    ...(isAnswered ? { outcome: status < 400 ? "success" : "failure" } : {}),
    correlation_id: correlation_id ?? ownIdOf(req),
    user: masked(options.user ? options.user(req) : known(req.user)) ?? null,
    ...(options.impersonator ? { impersonator: masked(options.impersonator(req)) ?? null } : {}),
    remote_addr,
    url,
    query_params,
    post_data: Buffer.isBuffer(req.body) ? { bytes: req.body.length } : masked(req.body) ?? null,
    headers,
    // Members that the server does not know go into `extra`.
    method: req.method,
    status,
    ...(res.writableFinished ? {} : { aborted: true }),
    params: masked(req.params ?? {}),
    milliseconds: Number((process.hrtime.bigint() - arrived.at) / 1000n) / 1000,
    ...masked(options.describe?.(req, res)),
  };
  // Neither a number nor a UUID, which are the name of a row.
  const isSecret = typeof event.object_id === "string" && !isNumber(event.object_id) && !isUuid(event.object_id)
    && isOfCredentials(String(event.table_name ?? ""));
  const secrets = pathSecrets(req, names);
  return without({ ...event, ...(isSecret ? { object_id: MASKED } : {}) }, isSecret ? [...secrets, event.object_id] : secrets);
}

/** Of a user as applications have them only what says who it is: there may be a digest of the password beside it. */
function known(user) {
  if (user === null || typeof user !== "object") return user;
  const { username = user.name, email } = user;
  return { pk: user.pk ?? user.id ?? user._id?.toString(), username, email };
}

function mask(value, names, above) {
  if (value === null || typeof value !== "object" || typeof value.toJSON === "function") return value;
  if (above.includes(value) || above.length > 50) return "…";
  if (Array.isArray(value)) return value.map((item) => mask(item, names, [...above, value]));
  const entries = Object.entries(value).map(([name, item]) => {
    return [name, tellsOf(name, names) && !isPlain(name, item) ? MASKED : mask(item, names, [...above, value])];
  });
  return Object.fromEntries(entries);
}

/** Whether a value under the name of a secret is none: nothing, a flag, or a number under a plural, which is a count. */
function isPlain(name, item) {
  const isCount = typeof item === "number" && /s$/i.test(name);
  return item === undefined || item === null || item === "" || typeof item === "boolean" || isCount;
}

/** Whether the last words of a name are one of the names. */
function tellsOf(name, names) {
  const words = wordsOf(name);
  const listed = listedOf(names);
  const isForm = (word) => /^\d+$/.test(word) || FORMS.has(word);
  while (words.length > 1 && !ending(words, listed) && isForm(words.at(-1))) words.pop();
  const count = ending(words, listed);
  const before = words.slice(0, words.length - count);
  if (!count || !before.length) return count > 0;
  const isPage = words.at(-1).startsWith("token") && PAGES.has(before.at(-1));
  return !(isPage || before.includes("public") || STATEMENTS.has(before[0]) || STATEMENTS.has(before.at(-1)));
}

const listedBefore = new WeakMap();

/** Names written as one word each; made once for each list. */
function listedOf(names) {
  if (!listedBefore.has(names)) listedBefore.set(names, new Set(names.map((name) => wordsOf(name).join(""))));
  return listedBefore.get(names);
}

/** How many words at the end are one of the listed names, or its plural; 0 for none. */
function ending(words, listed) {
  for (const count of [4, 3, 2, 1]) {
    const joined = words.slice(-count).join("");
    if (listed.has(joined) || (joined.endsWith("s") && listed.has(joined.slice(0, -1)))) return Math.min(count, words.length);
  }
  return 0;
}

/** `userApiKey`, `user_api_key` and `User-APIKey` have the same three. */
function wordsOf(name) {
  const ends = /(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z](?!s(?![a-z]))[a-z])|(?<=\p{L})(?=\p{N})|(?<=\p{N})(?=\p{L})/gu;
  return name.replace(ends, " ").toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Whether one of CREDENTIALS is among the words of the name of a table or a route. */
function isOfCredentials(name) {
  const words = wordsOf(name);
  return words.some((_, at) => ending(words.slice(0, at + 1), listedOf(CREDENTIALS)) > 0);
}

/** A header's text, where it has a URL with a query: `Referer: https://shop.example/reset?token=…`. */
function maskQueries(value, names) {
  if (typeof value !== "string") return value;
  return value.replace(/([?&;]([^=&;?#\s]+)=)([^&;#\s]+)/g, (whole, before, name) => (tellsOf(decoded(name), names) ? before + MASKED : whole));
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isNumber(text) {
  return /^\d+$/.test(text);
}

function isUuid(text) {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/** Route parameters that are secrets, by their names or by the path of the route (`/tokens/:id`). */
function pathSecrets(req, names) {
  const everything = isOfCredentials(`${req.baseUrl ?? ""}${req.route?.path ?? ""}`.replace(/[:*]\w+/g, ""));
  // `/tokens/:id` with a UUID has the name of a row.
  const isRow = (name, text) => /^(pk|id|uuid)$/.test(wordsOf(name).at(-1) ?? "") && isUuid(text);
  const named = Object.entries(req.params ?? {}).flatMap(([name, value]) => [value].flat().map((text) => [name, text]));
  const texts = named.filter(([, text]) => typeof text === "string" && text.length > 3 && !isNumber(text));
  return texts.filter(([name, text]) => (everything || tellsOf(name, names)) && !isRow(name, text)).map(([, text]) => text);
}

/** The value without these texts, wherever they stand, also as URLs have them. */
function without(value, secrets, depth = 0) {
  if (!secrets.length || depth > 60) return value;
  if (typeof value === "string") {
    const spelled = secrets.flatMap((secret) => [encodeURIComponent(secret), encodeURI(secret), secret]);
    return spelled.reduce((text, secret) => text.replaceAll(secret, MASKED), value);
  }
  if (value === null || typeof value !== "object" || typeof value.toJSON === "function") return value;
  if (Array.isArray(value)) return value.map((item) => without(item, secrets, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, without(item, secrets, depth + 1)]));
}

/** `203.0.113.5:4711` and `[2001:db8::1]:4711` as some proxies write them, without what changes with each connection. */
function withoutPort(address) {
  const [, host] = /^\[([^\]]+)\]/.exec(address ?? "") ?? /^([^:]+):[^:]*$/.exec(address ?? "") ?? [];
  return host ?? address ?? null;
}

/** The way of events to the server. */
class Sender {
  sent = 0;
  rejected = 0;
  dropped = 0;
  #options;
  #target;
  #request;
  #agent;
  #spool;
  #queue = [];
  #queueBytes = 0;
  #moving = [];
  #keeping = null;
  #closing = false;
  #ended = false;
  #hurry = false;
  #changed = [];
  #reported = new Map();

  constructor(options) {
    this.#target = new URL(`${String(options.url).replace(/\/+$/, "")}/api/v1/events`);
    if (!["http:", "https:"].includes(this.#target.protocol)) {
      throw new TypeError(`the address of the audit log must be http://HOST:PORT or https://HOST:PORT, not ${options.url}`);
    }
    const secure = this.#target.protocol === "https:";
    this.#options = { spoolLimit: 256 * 1024 * 1024, queueLimit: 16 * 1024 * 1024, timeout: 10_000, ...options };
    this.#request = secure ? https.request : http.request;
    this.#agent = options.agent ?? new (secure ? https : http).Agent({ keepAlive: true, maxSockets: 1 });
    try {
      if (options.spool) {
        fs.mkdirSync(options.spool, { recursive: true, mode: 0o700 });
        fs.accessSync(options.spool, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK);
      }
    } catch (error) {
      this.report("spool", `the spool cannot be written, events wait in memory: ${error.message}`);
      // The same fault.
      this.#reported.set("spool-read", Date.now());
    }
    this.#spool = new Spool(options.spool, (fault, text) => this.report(fault, text), this.#options.spoolLimit);
    // What is still in memory at process.exit(); what is being written may be written twice, which does no harm.
    process.on("exit", this.#atExit);
    this.#run();
  }

  #atExit = () => {
    const lines = [...this.#moving, ...this.#spool.memory, ...this.#queue.splice(0)];
    try {
      this.#spool.rescue(lines);
    } catch (error) {
      this.#drop(lines.length, `events could not be sent before the end, nor kept: ${error.message}`);
    }
  };

  /** Takes an event on its way. Returns its uuid, or null where it had to be dropped. */
  send(event) {
    return this.guard(() => {
      // What is undefined is not sent.
      const { channel_id, source } = this.#options;
      const whole = { uuid: crypto.randomUUID(), timestamp: new Date().toISOString(), channel_id, source, ...event };
      const line = Buffer.from(`${JSON.stringify(whole, plain)}\n`);
      if (this.#queueBytes + line.length > this.#options.queueLimit) {
        this.#drop(1, "the queue is full: new events are dropped");
        return null;
      }
      this.#queue.push(line);
      this.#queueBytes += line.length;
      this.#keep();
      return whole.uuid;
    }) ?? null;
  }

  /** Waits until nothing is in the queue: what was sent before is in the spool, or with the server already. */
  spooled(milliseconds = 3000) {
    return this.#until(() => !this.#queue.length && !this.#moving.length, milliseconds);
  }

  /** Waits until the server has everything; false if it does not within the time. */
  flush(milliseconds = 3000) {
    this.#hurry = true;
    this.#notify();
    return this.#until(() => !this.#waiting(), milliseconds);
  }

  /** Sends what it can within the time, and leaves the rest in the spool for the next start. */
  async close(milliseconds = 3000) {
    if (this.#closing) return;
    this.#closing = true;
    await this.flush(milliseconds);
    await this.spooled(milliseconds);
    this.#ended = true;
    this.#notify();
    if (!this.#options.agent) this.#agent.destroy();
    process.off("exit", this.#atExit);
    this.#atExit();
    await this.#spool.release();
  }

  /** Runs what must never throw into the application. */
  guard(work) {
    try {
      return work();
    } catch (error) {
      this.#drop(1, `an event cannot be taken: ${error}`);
      return undefined;
    }
  }

  /** Tells of a fault: the first of its kind, then one a minute. */
  report(fault, text) {
    if (Date.now() - (this.#reported.get(fault) ?? -Infinity) < REPORT_MS) return;
    this.#reported.set(fault, Date.now());
    try {
      (this.#options.onError ?? ((said) => console.error(`audit_express: ${said}`)))(text);
    } catch {
      // There is nobody left to tell.
    }
  }

  #drop(count, reason) {
    this.dropped += count;
    this.report("dropped", `${reason} (${this.dropped} until now)`);
  }

  #waiting() {
    return this.#queueBytes + this.#moving.length + this.#spool.bytes;
  }

  #notify() {
    for (const wake of this.#changed.splice(0)) wake();
  }

  /** True once it holds; false when the time is over. The timer keeps the process alive if somebody awaits it. */
  async #until(holds, milliseconds, keepsAlive = true) {
    const end = Date.now() + milliseconds;
    while (!holds()) {
      const left = end - Date.now();
      if (left <= 0 || (this.#ended && keepsAlive)) return false;
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        if (!keepsAlive) timer.unref();
        this.#changed.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return true;
  }

  /** Queue to spool. */
  #keep() {
    this.#keeping ??= this.#move().finally(() => {
      this.#keeping = null;
    });
  }

  async #move() {
    while (this.#queue.length && !this.#spool.isFull(this.#options.queueLimit)) {
      this.#moving = this.#queue;
      this.#queue = [];
      this.#queueBytes = 0;
      await this.#spool.append(this.#moving);
      this.#moving = [];
      this.#notify();
    }
  }

  async #run() {
    let failures = 0;
    let count = BATCH_RECORDS_MAX;
    await this.#spool.adopt();
    while (!this.#ended) {
      try {
        if (!(await this.#until(() => this.#spool.bytes || this.#ended, pace.adopt, false))) await this.#spool.adopt();
        const lines = await this.#spool.head(count, BATCH_BYTES_MAX);
        if (this.#ended || !lines.length) continue;
        const { verdict, detail, wait } = await this.#post(lines);
        if (this.#ended) return;
        if (verdict === "refused" && lines.length > 1) {
          // A request is stored whole or not at all: halve it until the one that is refused stands alone.
          count = Math.floor(lines.length / 2);
        } else if (verdict === "stored" || (verdict === "refused" && this.#spool.setAside(lines[0], detail))) {
          await this.#spool.drop(lines);
          this[verdict === "stored" ? "sent" : "rejected"] += lines.length;
          failures = 0;
          count = Math.min(count * 2, BATCH_RECORDS_MAX);
          // There may be room again.
          this.#keep();
          this.#notify();
        } else {
          this.report("away", `${detail}; ${this.#waiting()} bytes wait`);
          await this.#until(() => this.#hurry || this.#ended, delay(failures, wait), false);
          // One attempt for each flush; then the time of the one who waits decides.
          this.#hurry = false;
          failures += 1;
        }
      } catch (error) {
        // A fault of ours must not end the sending for good.
        this.report("fault", `going on after a fault: ${error.stack}`);
        await this.#until(() => this.#ended, pace.backOffLeast, false);
      }
    }
  }

  /** `stored`, `refused` for good, or `later`; why; and the milliseconds that the server asks for. */
  async #post(lines) {
    for (;;) {
      try {
        return verdictOf(lines, await this.#exchange(Buffer.concat(lines)));
      } catch (error) {
        // An idle connection that the server has closed says nothing about the server.
        if (this.#ended || !error.reused) return { verdict: "later", detail: `the server cannot be reached: ${error}` };
      }
    }
  }

  #exchange(body) {
    return new Promise((resolve, reject) => {
      const headers = { Authorization: `Token ${this.#options.key}`, "Content-Type": "application/x-ndjson",
        "Content-Length": body.length };
      const request = this.#request(this.#target, { method: "POST", headers, agent: this.#agent });
      const timer = setTimeout(() => request.destroy(new Error("no answer in time")), this.#options.timeout);
      const fail = (error) => {
        clearTimeout(timer);
        reject(Object.assign(error, { reused: request.reusedSocket && ["ECONNRESET", "EPIPE"].includes(error.code) }));
      };
      request.on("error", fail);
      request.on("response", (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("error", fail);
        response.on("end", () => {
          clearTimeout(timer);
          const { location, "retry-after": retryAfter } = response.headers;
          resolve({ status: response.statusCode, retryAfter, location, text: Buffer.concat(chunks).toString() });
        });
      });
      request.end(body);
    });
  }
}

/** What waits, oldest first: in files, then in memory where no file can be written. Its steps never overlap. */
class Spool {
  memory = [];
  #memoryBytes = 0;
  #directory;
  #report;
  #limit;
  #segments = [];
  #last = Promise.resolve();

  constructor(directory, report, limit) {
    this.#directory = directory;
    this.#report = report;
    this.#limit = limit;
  }

  get bytes() {
    return this.#segments.reduce((sum, segment) => sum + segment.size - segment.sent, this.#memoryBytes);
  }

  isFull(memoryLimit) {
    return this.#memoryBytes >= memoryLimit || this.bytes >= this.#limit;
  }

  #alone(step) {
    const done = this.#last.then(step);
    this.#last = done.catch(() => {});
    return done;
  }

  append(lines) {
    return this.#alone(async () => {
      this.memory.push(...lines);
      this.#memoryBytes += total(lines);
      if (!this.#directory) return;
      try {
        await this.#write(Buffer.concat(this.memory));
        this.memory = [];
        this.#memoryBytes = 0;
      } catch (error) {
        this.#report("spool", `the spool cannot be written, events wait in memory: ${error}`);
      }
    });
  }

  async #write(data) {
    let segment = this.#segments.at(-1);
    if (!segment || segment.sealed || segment.size >= SEGMENT_BYTES_MAX) {
      const place = path.join(this.#directory, fileName());
      segment = { path: place, handle: await fs.promises.open(place, "ax+", 0o600), sealed: false, size: 0, sent: 0 };
      this.#segments.push(segment);
    }
    try {
      await segment.handle.appendFile(data);
      await segment.handle.sync();
    } catch (error) {
      // Half a write must not stand between two lines: nothing more goes into this file.
      segment.sealed = true;
      throw error;
    }
    segment.size += data.length;
  }

  /** The oldest lines: at least one, then as many as fit. */
  head(count, size) {
    return this.#alone(async () => {
      const segment = this.#segments[0];
      if (!segment || segment.sent >= segment.size) return cut(this.memory, count, size);
      let data = Buffer.alloc(0);
      while (data.length < size || !data.includes(NEWLINE)) {
        const position = segment.sent + data.length;
        const length = Math.min(BATCH_BYTES_MAX, segment.size - position);
        if (!length) break;
        const { bytesRead, buffer } = await segment.handle.read(Buffer.alloc(length), 0, length, position);
        if (!bytesRead) break;
        data = Buffer.concat([data, buffer.subarray(0, bytesRead)]);
      }
      const lines = cut(split(data), count, size);
      if (!lines.length) {
        this.#report("spool-read", `${segment.path} was shortened by somebody else: ${segment.size - segment.sent} bytes are lost`);
        await remove(this.#segments.shift());
      }
      return lines;
    });
  }

  /** Forgets the oldest lines. Memory may have become a file since they were taken: it is still the same order. */
  drop(lines) {
    return this.#alone(async () => {
      const segment = this.#segments[0];
      if (!segment || segment.sent >= segment.size) {
        this.#memoryBytes -= total(this.memory.splice(0, lines.length));
        return;
      }
      segment.sent += total(lines);
      if (segment.sent < segment.size) return;
      if (this.#segments.length > 1 || segment.sealed) {
        await remove(this.#segments.shift());
      } else {
        await segment.handle.truncate(0);
        segment.size = segment.sent = 0;
      }
    });
  }

  /** Takes over the files of processes that have died, oldest first, in front of our own. */
  adopt() {
    return this.#alone(async () => {
      if (!this.#directory) return;
      try {
        const names = fs.readdirSync(this.#directory).filter(isOrphan).sort(byAge).reverse();
        for (const name of names) await this.#adopt(name);
      } catch (error) {
        this.#report("spool-read", `the spool cannot be read: ${error}`);
      }
    });
  }

  async #adopt(name) {
    const place = path.join(this.#directory, fileName(timeOf(name)));
    try {
      // Of two processes that try, one finds nothing to rename.
      await fs.promises.rename(path.join(this.#directory, name), place);
    } catch (error) {
      if (error.code === "ENOENT") return;
      throw error;
    }
    const data = await fs.promises.readFile(place);
    const size = data.lastIndexOf(NEWLINE) + 1;
    // An incomplete last line: the machine stopped in the middle of it.
    const torn = { answer: "an incomplete line at the end of a spool file" };
    if (size < data.length && !this.setAside(data.subarray(size), torn)) return;
    const handle = await fs.promises.open(place, "r+");
    await handle.truncate(size);
    const segment = { path: place, handle, sealed: true, size, sent: 0 };
    if (size) this.#segments.unshift(segment);
    else await remove(segment);
  }

  /** Keeps a line that the server will never take, and why; false if that cannot be done now. */
  setAside(line, detail) {
    this.#report("rejected", `the server refuses an event for good: ${JSON.stringify(detail)}`);
    if (!this.#directory) return true;
    const text = line.toString().trimEnd();
    let record = text;
    try {
      record = JSON.parse(text);
    } catch {
      // Kept as the text that it is.
    }
    const place = path.join(this.#directory, "requests.rejected");
    try {
      if (fs.statSync(place, { throwIfNoEntry: false })?.size > this.#limit) {
        this.#report("rejected-full", `${place} is full: what the server refuses is dropped`);
      } else {
        fs.appendFileSync(place, `${JSON.stringify({ ...detail, record })}\n`, { mode: 0o600, flush: true });
      }
      return true;
    } catch (error) {
      this.#report("spool", `requests.rejected cannot be written: ${error}`);
      return false;
    }
  }

  /** Writes lines at once, at the end of the process. */
  rescue(lines) {
    if (!lines.length) return;
    if (!this.#directory) throw new Error("there is no spool");
    const descriptor = fs.openSync(path.join(this.#directory, fileName()), "ax", 0o600);
    fs.writeSync(descriptor, Buffer.concat(lines));
    fs.fsyncSync(descriptor);
    fs.closeSync(descriptor);
  }

  /** Removes what is empty and leaves the rest to the next start. */
  release() {
    return this.#alone(async () => {
      for (const segment of this.#segments.splice(0)) {
        if (segment.sent < segment.size) await segment.handle.close();
        else await remove(segment);
      }
    });
  }
}

// ---- Names of spool files: requests-TIME-PID-START-RANDOM.ndjson ---------------------------------------------------------------

/** When a process started, so that its number is not taken for another's that had it before; "0" where that is not known. */
function startOf(pid) {
  try {
    return fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").pop().split(" ")[19];
  } catch {
    return "0";
  }
}

let files = 0;

function fileName(time = `${String(Date.now()).padStart(15, "0")}${String(files++).padStart(6, "0")}`) {
  return `requests-${time}-${process.pid}-${startOf(process.pid)}-${crypto.randomBytes(4).toString("hex")}.ndjson`;
}

function timeOf(name) {
  return name.split("-")[1];
}

function byAge(one, two) {
  return timeOf(one) < timeOf(two) ? -1 : 1;
}

function isOrphan(name) {
  const [, pid, start] = /^requests-\d+-(\d+)-(\d+)-\w+\.ndjson$/.exec(name) ?? [];
  if (!pid) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return error.code === "ESRCH";
  }
  return startOf(pid) !== start;
}

// ---- Small things --------------------------------------------------------------------------------------------------------------

async function remove(segment) {
  await segment.handle.close();
  await fs.promises.rm(segment.path, { force: true });
}

function total(lines) {
  return lines.reduce((sum, line) => sum + line.length, 0);
}

/** Whole lines, with their ends. */
function split(data) {
  const lines = [];
  for (let start = 0, end; (end = data.indexOf(NEWLINE, start)) >= 0; start = end + 1) lines.push(data.subarray(start, end + 1));
  return lines;
}

function cut(lines, count, size) {
  let taken = 0;
  const end = lines.findIndex((line, index) => index >= count || ((taken += line.length) > size && index > 0));
  return end < 0 ? [...lines] : lines.slice(0, end);
}

function verdictOf(lines, { status, retryAfter, location, text }) {
  if (status === 200 || status === 201) {
    // Only receipts count: a page that some gateway answers with is no promise.
    if (receipts(text) === lines.length) return { verdict: "stored" };
    return { verdict: "later", detail: `${status}, but not the receipts of an audit log: ${text.slice(0, 1000)}` };
  }
  const detail = { status, answer: text.slice(0, 1000) };
  // 404 is about the token or the address, which can be mended, unless the event itself names its channel.
  const named = status === 404 && lines.some((line) => line.includes('"channel_id":'));
  if ([400, 409, 413].includes(status) || named) return { verdict: "refused", detail };
  // A redirect is not followed: the key is for this address only, and a POST may become a GET on the way.
  const said = status >= 300 && status < 400 ? ` and points to ${location}: set the address to what is right` : `: ${detail.answer}`;
  return { verdict: "later", detail: `the server answers ${status}${said}`, wait: waitOf(retryAfter) };
}

function receipts(text) {
  try {
    const { accepted, duplicates } = JSON.parse(text);
    return accepted + duplicates;
  } catch {
    return undefined;
  }
}

/** Milliseconds until the next attempt: doubled each time, spread so that many clients do not come back at once. */
function delay(failures, asked) {
  const most = Math.min(pace.backOffMost, pace.backOffLeast * 2 ** Math.min(failures, 20));
  const spread = most / 2 + (Math.random() * most) / 2;
  return asked === undefined ? spread : Math.min(asked, pace.retryAfterMost) + spread;
}

/** Milliseconds from a Retry-After of seconds or of a date. */
function waitOf(value) {
  if (value === undefined) return undefined;
  const milliseconds = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
}

/** JSON has no big integers. */
function plain(_, value) {
  return typeof value === "bigint" ? String(value) : value;
}

module.exports = { audit, pace, delay, waitOf, tellsOf, MASK, HEADERS_EXCLUDE };

// Loaded into Node apps by `NODE_OPTIONS=--require`, before the app's own code. It gives the app the listening sockets
// that velos holds, tells when the app is ready, spreads old connections, and lets no request be lost when it ends.
// It acts in one process, the one that velos started, and is silent in every other that inherits the variable. Plain
// CommonJS and no dependencies: it must load anywhere, at once. The build strips these comments; what is shipped stays
// below 8 KB.
"use strict";

const { env, pid } = process;
/** How long an idle connection is left to its client once the process is leaving. */
const IDLE_MS = 2000;
/** How often a process that drains looks whether it still has connections. */
const TICK_MS = 10;
/** A worker of a cluster stays that long without one: its primary may just be handing it the next. */
const WORKER_QUIET_MS = 100;
/** On a connection: when it gets too old. */
const DUE = Symbol("velos.due");
/** How often an instance that has answers to give compares its load with that of the others. */
const COMPARE_MS = 125;
/** A connection counts as load until that many periods after its last answer; together they are the maximal age. */
const PERIODS = 8;
/** On a connection: the period of its last answer. */
const LAST = Symbol("velos.last");
/** Bytes of an instance in the load table, and those of the whole table that are used. */
const ENTRY = 8;
const TABLE = 4096;
/** On a connection: how many requests of what was read last have been answered. */
const ANSWERED = Symbol("velos.answered");
// Who was meant: LISTEN_PID comes with sockets; without them the spawn backend says VELOS_PID, systemd SYSTEMD_EXEC_PID.
// A worker of the app's own cluster is told by its primary, see `guideWorkers`, and only drains.
const isWorker = Number(env.VELOS_PRIMARY) === process.ppid;
if (isWorker || Number(env.LISTEN_PID ?? env.VELOS_PID ?? env.SYSTEMD_EXEC_PID) === pid) {
  if (require("node:worker_threads").isMainThread) start();
}

function start() {
  const fs = require("node:fs");
  const net = require("node:net");
  const cluster = require("node:cluster");
  const { resolve } = require("node:path");

  const ready = env.VELOS_READY;
  const byListening = ready && ready !== "message";
  const readyFile = env.VELOS_READY_FILE;
  let healthSocket = env.VELOS_HEALTH_SOCKET;
  const killTimeout = Number(env.VELOS_KILL_TIMEOUT) || 5000;
  // Before SIGKILL, with time left for what the app does on exit.
  const lastMoment = killTimeout - Math.min(500, killTimeout / 5);
  const connectionAge = Number(env.VELOS_MAX_CONNECTION_AGE) || 0;
  const index = Number(env.VELOS_INSTANCE_ID);
  let loadTable = index < TABLE / ENTRY && env.VELOS_LOAD_TABLE;
  const byMessage = env.VELOS_SHUTDOWN_MESSAGE === "1";
  const given = Number(env.LISTEN_PID) === pid && env.VELOS_LISTEN;
  /**
   * What velos holds, in the order of the descriptors: `{ fd, host?, port } | { fd, path }`, with the helpers that end
   * with whoever listens there; later also its `handle`, and whether it is `taken`.
   */
  const held = JSON.parse(given || "[]").map((address, i) => ({ ...address, fd: i + 3, helpers: [] }));

  const preloadOption = hideFromChildren();
  /** What listens, or did and still has connections; with its handle, which a cluster primary takes off its server. */
  const servers = new Map();
  const watched = new WeakSet();
  /** Servers at sockets that every instance shares: theirs are the connections that have to be spread. */
  const shared = new WeakSet();
  const sessions = new Set();
  let saidReady = false;
  let guarded = false;
  /** Connections by the period of their last answer, modulo PERIODS. */
  const busy = new Int32Array(PERIODS);
  let period = 0;
  let periodEnds = 0;
  let comparing;
  /** How many connections this instance has more than its share. */
  let surplus = 0;
  /** By signal: whether the app listened to it as well when it came. */
  const theirs = {};
  let leaving = false;
  let draining = false;

  takeOverListen();
  if (!isWorker) {
    if (ready) hearReady();
    if (cluster.isPrimary) guideWorkers();
  }
  hearSignals();

  /**
   * Children of the app are not ours: a loader that velos removes or replaces must not stop them from starting. The
   * LISTEN_* variables stay, their protocol has a pid against misunderstanding, and so does NOTIFY_SOCKET, which apps
   * use for a watchdog or a status of their own.
   * @returns how this file was named in NODE_OPTIONS
   */
  function hideFromChildren() {
    for (const name of ["LISTEN", "READY", "READY_FILE", "HEALTH_SOCKET", "KILL_TIMEOUT", "MAX_CONNECTION_AGE"])
      delete env[`VELOS_${name}`];
    for (const name of ["LOAD_TABLE", "SHUTDOWN_MESSAGE", "PID", "PRIMARY"]) delete env[`VELOS_${name}`];
    let own = "";
    const kept = env.NODE_OPTIONS?.replace(
      /(^|\s)(?:--require|-r)[\s=]+("(?:[^"\\]|\\.)*"|\S+)/g,
      (option, _, quoted) => {
        const name = quoted.replace(/^"|"$|\\(.)/g, "$1");
        let same = name === __filename;
        try {
          same ||= fs.realpathSync(name) === __filename;
        } catch {
          // Not a file: the name of a package.
        }
        if (!same) return option;
        own = option;
        return "";
      },
    ).trim();
    if (kept) env.NODE_OPTIONS = kept;
    else delete env.NODE_OPTIONS;
    return own;
  }

  // Listening

  /** Every server of Node, http, https, http2 and what frameworks make of them, comes through here. */
  function takeOverListen() {
    const { listen } = net.Server.prototype;
    const listenAt = (server, address, signal, callback) => {
      const { fd, handle } = address;
      // The one that was there before: a second handle of the same descriptor would close it under the first.
      if (handle) {
        server._listen2 = function (...args) {
          delete this._listen2;
          this._handle = handle;
          // What is asynchronous about it starts here, not with the server before.
          handle.asyncReset?.({});
          this._listen2(...args);
        };
      }
      // listen(2) on a socket that listens already changes its backlog, and for every instance: so the most that the
      // kernel allows, whatever this app would have asked for.
      listen.call(server, { fd, signal }, 65535, callback);
      keep(address, server._handle);
      return server;
    };
    net.Server.prototype.listen = function (...args) {
      if (this._handle) return listen.apply(this, args);
      watch(this);
      const [first, ...others] = claim(args);
      // Without held addresses the app's own are what its readiness is about.
      if (first || !held.length) {
        this.once("listening", () => {
          // After the app's own listeners, which need not wait until a process is started; and what only looked whether
          // the port is free has closed again by then.
          setImmediate(() => {
            if (!servers.has(this)) return;
            if (first && healthSocket) openHealthSocket(this, first);
            if (byListening) sayReady();
          });
        });
      }
      if (!first) return listen.apply(this, args);
      if (first.path) this._pipeName = first.path;
      shared.add(this);
      listenAt(this, first, args[0]?.signal, args.at(-1));
      for (const other of others) listenAt(lead(net.createServer(), first), other);
      tellLoad(0);
      return this;
    };

    // A cluster primary that gives its workers sockets instead of connections (SCHED_NONE) opens them here.
    const create = net._createServerHandle;
    net._createServerHandle = function (address, port, ...rest) {
      const [first] = claim([port > 0 ? { port, host: address } : address]);
      if (!first) return create.call(this, address, port, ...rest);
      if (byListening) cluster.once("listening", sayReady);
      const handle = first.handle ?? create.call(this, null, null, null, first.fd);
      keep(first, handle);
      return handle;
    };
  }

  function watch(server) {
    servers.set(server, undefined);
    if (watched.has(server)) return;
    watched.add(server);
    server.on("listening", () => servers.set(server, server._handle));
    server.on("close", () => servers.delete(server));
    if (connectionAge && held.length && typeof server.closeIdleConnections === "function") guardAnswers();
    // Only those of http2 have it.
    if (typeof server.updateSettings === "function") {
      server.on("session", (session) => {
        sessions.add(session);
        session.once("close", () => sessions.delete(session));
        if (leaving) leaveSession(session);
      });
    }
  }

  /**
   * The held sockets that a call of listen() means; none: the call is not about them. Who names no host means all that
   * are held at the port. What is taken is not found again: the second listen() on a port gets its EADDRINUSE from the
   * kernel, as ever.
   */
  function claim([first, second]) {
    const options =
      first !== null && typeof first === "object"
        ? first
        : Number(first) >= 0
          ? { port: first, host: typeof second === "string" ? second : undefined }
          : { path: first };
    const { fd, port, host, path } = options;
    const found = held.filter((address) => {
      if (address.taken || options._handle || options.handle) return false;
      if (typeof fd === "number") return address.fd === fd;
      if (port !== undefined && port !== null) return address.port === Number(port);
      return typeof path === "string" && address.path === resolve(path);
    });
    if (!host) return found;
    const asked = plain(host);
    const named = found.filter((address) => address.host && plain(address.host) === asked);
    if (named.length) return named;
    const several = found.length > 1;
    return found.filter((address) => {
      // Held at a port alone, or by a path.
      if (!address.host) return true;
      const own = plain(address.host);
      if (asked === "::" || own === "::" || own === "0.0.0.0") return true;
      if (asked === "0.0.0.0") return !several || !own.includes(":");
      // What localhost is depends on who looks it up.
      if (/^(localhost|127\.0\.0\.1|::1)$/.test(asked) && /^(127\.0\.0\.1|::1)$/.test(own)) return true;
      // Where an app listens that was told nothing; and a name, which cannot be looked up at once, is to be expected to be
      // what velos was told. Another address is another.
      return !several && (/^(127\.0\.0\.1|::1)$/.test(asked) || !net.isIP(asked));
    });
  }

  /** One spelling for each address. */
  function plain(host) {
    if (!net.isIPv6(host)) return String(host).toLowerCase();
    return new net.SocketAddress({ address: host, family: "ipv6" }).address.replace(/^::ffff:(?=.*\.)/, "");
  }

  /**
   * Has the held descriptor outlive who listened at it, for whoever is next: an app may look whether its port is free,
   * or close its server and open another, or all workers of its cluster may end before there are new ones. Node cannot
   * duplicate a descriptor, so the handle stays; without accepting, which would take connections from other instances.
   */
  function keep(address, handle) {
    // What went wrong the server tells.
    if (!handle?.close) return;
    address.taken = true;
    if (address.handle) return;
    address.handle = handle;
    const { close } = handle;
    handle.close = function (...args) {
      for (const helper of address.helpers.splice(0)) helper.close();
      // A handle reads or accepts by the same watcher of libuv, and only the end of reading leaves it open.
      if (leaving || handle.readStart() || handle.readStop()) return close.apply(handle, args);
      // Its server may have been unref'd.
      handle.ref();
      address.taken = false;
      tellLoad(0);
    };
  }

  /** Has connections at a second place be those of whoever listens at the held address, for as long as it does. */
  function lead(helper, address) {
    address.helpers.push(helper);
    return helper.once("error", complain).once("listening", () => {
      // The server's own acceptor, be it Node's or a cluster primary's: the connections are the server's from the start.
      helper._handle.onconnection = (error, client) => address.handle.onconnection(error, client);
    });
  }

  /** Where velosd asks this very instance for its health, which behind a shared socket it could not. */
  function openHealthSocket(server, address) {
    const path = healthSocket;
    healthSocket = undefined;
    // What an earlier run left, where the directory outlives it.
    fs.rmSync(path, { force: true });
    const helper = lead(net.createServer(), address).once("close", () => (healthSocket = path));
    helper.listen({ path }, 65535, () => {
      // Plain HTTP even where the app speaks TLS: there is no certificate for a path.
      if (!server.listenerCount("secureConnection")) return;
      helper._handle.onconnection = (_, handle) =>
        server.emit(
          "secureConnection",
          new net.Socket({ handle, allowHalfOpen: true, readable: true, writable: true }),
        );
    });
  }

  // Readiness

  /** `process.send("ready")` as pm2 has it; there is no channel behind it unless the app was given one. */
  function hearReady() {
    const { send } = process;
    process.send = function (message, ...rest) {
      if (message === "ready") sayReady();
      if (send) return send.call(this, message, ...rest);
      const callback = rest.at(-1);
      if (typeof callback === "function") process.nextTick(callback, null);
      return true;
    };
  }

  function sayReady() {
    if (!ready || saidReady) return;
    saidReady = true;
    if (readyFile) return fs.writeFile(readyFile, "", (error) => error && complain(error));
    if (!env.NOTIFY_SOCKET) return;
    // Node has no datagram sockets of the UNIX kind. One process per start, which nobody waits for.
    const { NOTIFY_SOCKET, PATH = "" } = env;
    require("node:child_process")
      .spawn("systemd-notify", ["--ready"], {
        stdio: ["ignore", "ignore", "inherit"],
        env: { NOTIFY_SOCKET, PATH: `${PATH}:/usr/bin:/bin` },
      })
      .on("error", complain)
      .unref();
  }

  function complain(error) {
    console.error(`velos: ${error.message}`);
  }

  // Ending

  function hearSignals() {
    // signal-exit, which very many packages use, takes any listener but its own for somebody who will end the process,
    // and leaves it running. So that both do what they are for, ours is not shown.
    const { emit, listeners } = process;
    process.listeners = function (event) {
      return listeners.call(this, event).filter((listener) => listener !== hearSignal);
    };
    // Before the first listener: one that is for once is gone while it runs, and one before ours may close servers.
    process.emit = function (event, ...args) {
      if ((event === "SIGTERM" || event === "SIGINT") && process.listenerCount(event)) {
        theirs[event] = process.listenerCount(event) > 1;
        leave();
      }
      return emit.call(this, event, ...args);
    };
    process.on("SIGTERM", hearSignal).on("SIGINT", hearSignal);
  }

  function hearSignal(signal) {
    // Node calls the emit() of when the signal was first listened to: it may be from before us.
    const handled = theirs[signal] ?? process.listenerCount(signal) > 1;
    leave();
    if (byMessage && process.listenerCount("message")) process.emit("message", "shutdown");
    else if (!handled) drain(signal);
  }

  /**
   * Whoever ends the process, the app or `drain`: from here on answers tell clients to come back on a new connection,
   * and idle connections stay open for a while. http's close() would end them at once, in the face of the client that
   * is just sending its next request.
   */
  function leave() {
    if (leaving) return;
    leaving = true;
    tellLoad(0);
    clearInterval(comparing);
    guardAnswers();
    for (const server of servers.keys()) if (server.closeIdleConnections) server.closeIdleConnections = () => {};
    for (const session of sessions) leaveSession(session);
    const closeIdle = () => {
      for (const server of servers.keys()) {
        if (!server.closeIdleConnections || (server.listening && !draining)) continue;
        delete server.closeIdleConnections;
        server.closeIdleConnections();
      }
      for (const session of sessions) session.close();
    };
    setTimeout(() => setInterval(closeIdle, 100).unref(), Math.min(IDLE_MS, lastMoment / 2)).unref();
  }

  /** GOAWAY when a request has just come: it covers that one, and a client with one at a time sends no other yet. */
  function leaveSession(session) {
    session.once("stream", () => session.close());
  }

  function drain(signal) {
    if (draining) return;
    const workers = isWorker ? [] : Object.values(cluster.workers ?? {});
    const busy = [...servers.keys()].filter((server) => server.listening || server._connections);
    if (!busy.length && !workers.length) {
      // Nothing to wait for: it ends as it would without us.
      process.removeListener(signal, hearSignal);
      process.kill(pid, signal);
      return;
    }
    draining = true;
    for (const [server, handle] of servers) {
      // What the primary of a cluster has accepted it still hands out: its workers go on taking that.
      if (isWorker && handle?.fd === undefined) continue;
      if (server.listening) net.Server.prototype.close.call(server);
      handle?.close();
    }
    for (const worker of workers) {
      worker.exitedAfterDisconnect = true;
      worker.process.kill("SIGTERM");
    }
    const exit = () => process.exit(0);
    setTimeout(exit, lastMoment);
    let quiet = 0;
    setInterval(() => {
      const left = busy.some((server) => server._connections) || workers.some((worker) => !worker.isDead());
      quiet = left ? 0 : quiet + TICK_MS;
      if (quiet > (isWorker ? WORKER_QUIET_MS : 0)) exit();
    }, TICK_MS);
  }

  // Answers

  /**
   * Puts `Connection: close` on the answers of http that are the last of their connection: while the process is
   * leaving, and at a shared socket when the connection had better be another instance's. Whoever wakes first takes a
   * burst of new connections, and keeps them; closed one by one they come back spread over the instances.
   *
   * Instances that know of each other's load move what one has too many of, see `compare`; where they do not, each
   * connection is closed at a random age.
   *
   * Of 4 instances on 2 cores, 64 keep-alive clients, 10 s, nothing to do (test/preload/measure.mjs evenness), busiest ÷
   * quietest and connections in all: never closed 2.01 and 64; all at about 1 s 1.24 and 570 to 670; by load 1.04 and 110.
   */
  function guardAnswers() {
    if (guarded) return;
    guarded = true;
    const { prototype } = require("node:http").ServerResponse;
    const { _storeHeader } = prototype;
    prototype._storeHeader = function (firstLine, headers) {
      _storeHeader.call(this, firstLine, headers);
      if (this._last) return;
      const moves = !leaving && isToMove(this);
      if (!(leaving || moves) || !mayBeLast(this)) return;
      if (moves) surplus--;
      // What the app itself said about the connection goes too: proxies copy it from what they ask.
      const kept = this._header.replace(/\r\n(?:connection|keep-alive):[^\r]*/gi, "");
      this._header = kept.replace("\r\n", "\r\nConnection: close\r\n");
      this._last = true;
      this.shouldKeepAlive = false;
    };
  }

  function isToMove({ req }) {
    const socket = req?.socket;
    if (!connectionAge || !socket || !shared.has(socket.server)) return false;
    if (loadTable) {
      count(socket);
      return surplus > 0;
    }
    const now = performance.now();
    return now > (socket[DUE] ??= now + connectionAge * Math.random());
  }

  // The load of the instances

  function count(socket) {
    if (socket[LAST] === period) return;
    if (!(LAST in socket)) socket.once("close", () => uncount(socket));
    uncount(socket);
    socket[LAST] = period;
    busy[period % PERIODS]++;
    comparing ??= setInterval(compare, COMPARE_MS).unref();
  }

  function uncount(socket) {
    if (period - socket[LAST] < PERIODS) busy[socket[LAST] % PERIODS]--;
  }

  /**
   * Tells the other instances how many connections keep this one busy, and finds out how many it has too many. Each has
   * its place in a file: its pid and that number. An instance is gone when its process is.
   */
  function compare() {
    if (performance.now() > periodEnds) {
      periodEnds = performance.now() + connectionAge / PERIODS;
      busy[++period % PERIODS] = 0;
    }
    const own = busy.reduce((sum, connections) => sum + connections);
    const table = tellLoad(own);
    let all = own;
    let instances = 1;
    for (let at = 0; at < table?.length; at += ENTRY) {
      if (at === index * ENTRY || !isAlive(table.readInt32LE(at))) continue;
      all += table.readInt32LE(at + 4);
      instances++;
    }
    surplus = Math.floor(own - all / instances);
    if (!own) comparing = clearInterval(comparing);
  }

  /** @returns what the table says; undefined where there is none, and none is asked for again */
  function tellLoad(connections) {
    if (!loadTable) return;
    try {
      // One that takes no connections must not be given any.
      const id = !leaving && held.some(({ taken }) => taken) ? pid : 0;
      const entry = Buffer.from(Int32Array.of(id, connections).buffer);
      // Not kept open: an app that closes what it does not know would have this written into a file of its own.
      const file = fs.openSync(loadTable, "r+");
      try {
        fs.writeSync(file, entry, 0, ENTRY, index * ENTRY);
        const table = Buffer.alloc(TABLE);
        return table.subarray(0, fs.readSync(file, table, 0, TABLE, 0) & -ENTRY);
      } finally {
        fs.closeSync(file);
      }
    } catch {
      // Its user may not, or it is gone: connections are closed when they are old.
      loadTable = undefined;
      comparing = clearInterval(comparing);
    }
  }

  function isAlive(id) {
    if (id < 1) return false;
    try {
      return process.kill(id, 0);
    } catch ({ code }) {
      return code === "EPERM";
    }
  }

  /** True when no further request has come on the connection, nor more of this one is to come: neither is cut off. */
  function mayBeLast({ req, statusCode }) {
    const socket = req?.socket;
    const parser = socket?.parser;
    if (statusCode < 200 || parser?.incoming !== req) return false;
    const { headers } = req;
    const hasBody = headers["content-length"] > 0 || headers["transfer-encoding"];
    if (hasBody && !req.complete && !leaving) return false;
    // An app that answers at once does it before the rest of what was read is parsed: there may be requests in it.
    const read = String(parser.getCurrentBuffer?.() ?? "");
    const requests = read.split("\r\n\r\n").length - 1;
    if (requests < 2) return hasBody || !read || read.endsWith("\r\n\r\n");
    // All of it is parsed in one go.
    if (!socket[ANSWERED]) process.nextTick(() => (socket[ANSWERED] = 0));
    socket[ANSWERED] = (socket[ANSWERED] ?? 0) + 1;
    return socket[ANSWERED] === requests;
  }

  // In the app's own cluster

  /** Workers drain like an instance, when the primary ends. They alone need this file again, if it is still there. */
  function guideWorkers() {
    const { fork } = cluster;
    cluster.fork = function (own) {
      const options = (own ?? {}).NODE_OPTIONS ?? env.NODE_OPTIONS ?? "";
      const added = { VELOS_PRIMARY: pid, VELOS_KILL_TIMEOUT: killTimeout };
      if (fs.existsSync(__filename)) added.NODE_OPTIONS = `${preloadOption} ${options}`.trim();
      return fork.call(this, { ...own, ...added });
    };
  }
}

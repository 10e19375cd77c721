// Figures about the preload that take too long for a test:
//   node test/preload/measure.mjs rolls [rolls]       requests lost while instances are replaced under load
//   node test/preload/measure.mjs evenness [ages]     how requests spread, e.g. `evenness 0,10000,10000:load`, where load
//                                                     says that the instances know of each other's
//   node test/preload/measure.mjs cost                start, memory and throughput, with and without it
// NODE names another Node to run the apps.
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { startLoad } from "../load/load.mjs";
import { fixture, makeHarness } from "./harness.mjs";

const node = process.env.NODE ?? process.execPath;
const print = (row) => process.stdout.write(`${JSON.stringify(row)}\n`);

const withApp = async ({ count = 4, server = "server.cjs", env, preload, loadTable }, use) => {
  const harness = makeHarness({ node });
  try {
    const sockets = harness.hold({ host: "127.0.0.1" });
    const { port } = sockets.addresses[0];
    const options = {
      count,
      args: [fixture(server)],
      sockets,
      env: { PORT: String(port), ...env },
      preload,
      loadTable,
    };
    const app = await harness.startApp(options);
    return await use({ app, harness, url: `http://127.0.0.1:${port}/`, sockets });
  } finally {
    await harness.close();
  }
};

/** Resolves after so many more answers, and at once where the clients cannot make that many in half a minute. */
const served = async (load, more) => {
  const goal = load.counts.ok + more;
  for (let waited = 0; load.counts.ok < goal && waited < 30_000; waited += 20) await setTimeout(20);
};

const rolls = async (times) => {
  const age = { VELOS_MAX_CONNECTION_AGE: process.env.AGE ?? "1000" };
  const cases = [
    { name: "keep-alive", clients: 50, env: age },
    { name: "connection per request", clients: 50, keepAlive: false, env: age },
    { name: "500 ms answers, keep-alive", clients: 100, env: { ...age, DELAY_MS: "500" } },
    { name: "500 ms answers, no keep-alive", clients: 100, keepAlive: false, env: { ...age, DELAY_MS: "500" } },
    { name: "one instance, keep-alive", clients: 50, count: 1, env: age },
    { name: "one instance, connection per request", clients: 50, count: 1, keepAlive: false, env: age },
    { name: "own handler, keep-alive", clients: 50, server: "own-handler.cjs", env: age },
    { name: "own handler, connection per request", clients: 50, server: "own-handler.cjs", keepAlive: false, env: age },
  ];
  for (const { name, clients, keepAlive, env, ...options } of cases) {
    if (process.env.ONLY && !name.includes(process.env.ONLY)) continue;
    await withApp({ env, ...options }, async ({ app, url }) => {
      // 100,000 requests in 10 rolls; a hundred clients that wait 500 ms make 200 a second.
      const perRoll = env.DELAY_MS ? 500 : 10_000;
      const load = startLoad({ url, clients, keepAlive });
      const tookMs = [];
      let drainMs = 0;
      for (let i = 0; i < times; i++) {
        await served(load, perRoll);
        const begun = performance.now();
        for (const end of await app.roll()) drainMs = Math.max(drainMs, end.tookMs);
        tookMs.push(Math.round(performance.now() - begun));
      }
      const { requests, failed, hung, errors, latencyMs } = await load.stop();
      tookMs.sort((a, b) => a - b);
      const rollMs = tookMs[tookMs.length >> 1];
      print({
        name,
        rolls: times,
        requests,
        failed,
        hung,
        errors,
        latencyMs,
        rollMs,
        longestEndMs: Math.round(drainMs),
      });
    });
  }
};

const evenness = async (ways) => {
  const cases = [
    { name: "2 ms of work, keep-alive", env: { WORK_MS: "2" } },
    { name: "2 ms of work, connection per request", env: { WORK_MS: "2" }, keepAlive: false },
    { name: "nothing, keep-alive", env: {} },
    { name: "nothing, connection per request", env: {}, keepAlive: false },
  ];
  for (const { name, env, keepAlive } of cases) {
    if (process.env.ONLY && !name.includes(process.env.ONLY)) continue;
    for (let run = 0; run < Number(process.env.RUNS ?? 3); run++) {
      for (const how of keepAlive === false ? ways.slice(0, 1) : ways) {
        const [age, load] = how.split(":");
        const options = { env: { ...env, VELOS_MAX_CONNECTION_AGE: age }, loadTable: load !== undefined };
        await withApp(options, async ({ url }) => {
          const load = startLoad({ url, clients: 64, keepAlive, durationMs: 10_000, by: "x-instance" });
          const { perInstance, busiestToQuietest, requestsPerSecond, failed, hung, connections, latencyMs } =
            await load.finished;
          const spread = [0, 1, 2, 3].map((index) => perInstance[index] ?? 0);
          const ratio = spread.includes(0) ? "some idle" : busiestToQuietest;
          print({
            name,
            how,
            spread: spread.join("/"),
            ratio,
            requestsPerSecond,
            connections,
            failed,
            hung,
            p99: latencyMs.p99,
            max: latencyMs.max,
          });
        });
      }
    }
  }
};

const round = (number) => Math.round(number * 100) / 100;

const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];

/** Memory of a process that it shares with no other, in KB. */
const memoryKb = (pid) => {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return [...text.matchAll(/^Private_\w+:\s+(\d+)/gm)].reduce((sum, [, kb]) => sum + Number(kb), 0);
};

/** Processor time of a process, in ticks of 10 ms. */
const cpuMs = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

/** Side by side and in turn, so that whatever else the machine does meets all of them. */
const cost = async () => {
  const harness = makeHarness({ node });
  try {
    const sockets = harness.hold({ host: "127.0.0.1" });
    const { port } = sockets.addresses[0];
    const variants = {
      without: { preload: false, env: { PORT: String(port + 1) } },
      with: { sockets, env: { PORT: String(port) } },
      "with, connections closed at about 2 s": {
        sockets,
        env: { PORT: String(port), VELOS_MAX_CONNECTION_AGE: "2000" },
      },
    };
    const names = Object.keys(variants);
    const perVariant = () => Object.fromEntries(names.map((name) => [name, []]));
    const listening = async (name) => {
      const instance = harness.start({ args: [fixture("time-to-listen.cjs")], ...variants[name] });
      const [, ms, cpuMs] = await instance.printed(/after (\S+) ms, cpu (\S+) ms/);
      return { instance, ms: Number(ms), cpuMs: Number(cpuMs) };
    };
    const end = async (instance) => {
      instance.kill("SIGKILL");
      await instance.exited;
    };

    const wall = perVariant();
    const cpu = perVariant();
    const memory = perVariant();
    for (let i = 0; i < 40; i++) {
      for (const name of names) {
        const { instance, ms, cpuMs } = await listening(name);
        wall[name].push(ms);
        cpu[name].push(cpuMs);
        memory[name].push(memoryKb(instance.pid));
        await end(instance);
      }
    }
    for (const name of names) {
      const row = {
        name,
        ms: round(median(wall[name])),
        leastMs: round(Math.min(...wall[name])),
        cpuMs: round(median(cpu[name])),
      };
      print({
        what: "from start to listening, 40 times",
        ...row,
        leastCpuMs: round(Math.min(...cpu[name])),
        privateKb: median(memory[name]),
      });
    }

    // The processor's time for an answer: what others do on the machine changes it less than it changes requests/s.
    for (const keepAlive of [true, false]) {
      const times = perVariant();
      const requests = keepAlive ? 30_000 : 6000;
      for (let i = 0; i < 9; i++) {
        for (const name of names) {
          const { instance } = await listening(name);
          const url = `http://127.0.0.1:${variants[name].env.PORT}/`;
          await startLoad({ url, clients: 32, keepAlive, requests: requests / 5 }).finished;
          const before = cpuMs(instance.pid);
          await startLoad({ url, clients: 32, keepAlive, requests }).finished;
          times[name].push(((cpuMs(instance.pid) - before) / requests) * 1000);
          await end(instance);
        }
      }
      for (const name of names) {
        const what = `µs of processor a request, ${keepAlive ? "keep-alive" : "connection per request"}, 9 times`;
        print({ what, name, median: round(median(times[name])), least: round(Math.min(...times[name])) });
      }
    }
  } finally {
    await harness.close();
  }
};

// By way of exit, so that the processes under measurement end too.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

const [what, argument] = process.argv.slice(2);
if (what === "rolls") await rolls(Number(argument ?? 10));
else if (what === "evenness") await evenness((argument ?? "0,10000,10000:load").split(","));
else if (what === "cost") await cost();
else throw new Error("say rolls, evenness or cost");

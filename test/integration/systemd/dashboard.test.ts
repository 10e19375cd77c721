import type { Locator, Page } from "playwright-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ApiServer } from "./api-server.ts";
import { useBrowser } from "./browser.ts";
import { connection, shows, talker } from "./dashboard-page.ts";
import { freePort } from "./free-port.ts";
import { Proxy } from "./proxy.ts";
import { useScene } from "./scene.ts";
import { until } from "./until.ts";
import { webApp } from "./web-app.ts";

const scene = useScene();
const browser = useBrowser();
let api: ApiServer;
beforeEach(async () => {
  api = await ApiServer.start(scene);
});
afterEach(() => api.kill());

/** The row of an instance. */
const row = (page: Page, name: string): Locator => page.locator("tr.instance").filter({ hasText: name });

const confirm = async (page: Page): Promise<void> => page.locator("dialog button[value=yes]").click();

/** How many samples a chart has been drawn from. */
const chartSamples = async (page: Page): Promise<number> =>
  Number(await page.locator(".plot").first().getAttribute("data-samples"));

/** The picture of a chart. */
const pixels = (page: Page): Promise<string> =>
  page.evaluate<string>(`document.querySelector(".plot canvas").toDataURL()`);

describe("an operator", () => {
  it("starts an app, scales it, reloads it while the chart moves, sees an instance die and come back", async () => {
    const page = await browser.open(api.url);
    await page.getByRole("heading", { name: "No apps yet" }).waitFor();
    await browser.picture(page, "01-empty");

    await page.getByRole("button", { name: "Start an app" }).click();
    await page.getByLabel("Name").fill("web");
    await page.getByLabel("Script or command").fill("/nowhere.mjs");
    await page.getByRole("button", { name: "start", exact: true }).click();
    await shows("what is wrong is said in place", page.locator("dialog [role=alert]"), /nowhere\.mjs/);
    await page.getByLabel("Script or command").fill(webApp(scene));
    await page.getByLabel("Instances").fill("2");
    const port = await freePort();
    await page.getByLabel("Listens on").fill(`127.0.0.1:${port}`);
    await browser.picture(page, "02-start");
    await page.getByRole("button", { name: "start", exact: true }).click();
    await shows("both run", page.locator("tr.app"), /web[\s\S]*2 online/);
    await page.getByRole("heading", { name: "Everything is well" }).waitFor();
    await shows("where it listens", page.locator(".facts"), new RegExp(`127\\.0\\.0\\.1:${port}`));
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toMatch(/^1 \d/);

    await page.getByRole("button", { name: "scale", exact: true }).click();
    await page.getByLabel("Instances", { exact: true }).fill("4");
    await shows("what will happen", page.locator("dialog"), /2 → 4: adds 2/);
    await page.keyboard.press("Enter");
    await shows("four run", page.locator("tr.app"), /4 online/);
    expect(await scene.instances("web")).toHaveLength(4);

    const before = { pids: await scene.pids("web"), samples: await chartSamples(page), picture: await pixels(page) };
    await page.getByRole("button", { name: "reload", exact: true }).click();
    await shows("it asks", page.locator("dialog"), /Reload web\?[\s\S]*a few at a time/);
    await confirm(page);
    await page.locator(".rollout.running .phases").waitFor();
    await shows("where each instance stands", page.locator(".phases"), /draining|starting|ready/);
    await browser.picture(page, "03-reload");
    await shows("it is done", page.locator(".rollout"), /Reload done/i);
    await shows("all are back", page.locator("tr.app"), /4 online/);
    expect((await scene.pids("web")).some((pid) => before.pids.includes(pid))).toBe(false);
    await until("the chart has moved", async () => (await chartSamples(page)) > before.samples);
    expect(await pixels(page)).not.toBe(before.picture);

    const [victim] = await scene.pids("web");
    process.kill(victim!, "SIGKILL");
    await shows("another process is there", row(page, "web:0"), new RegExp(`online(?![\\s\\S]*\\b${victim}\\b)`));
    await until(
      "the restart is counted",
      async () =>
        /^\d+$/.test(await row(page, "web:0").locator(".restarts").innerText()) &&
        Number(await row(page, "web:0").locator(".restarts").innerText()) >= 2,
    );
    await browser.picture(page, "04-back");
    // The script that was not there.
    expect(browser.complaints).toEqual([expect.stringContaining("status of 400")]);
  });

  it("watches a log, filters, searches, scrolls back and returns to the newest line", async () => {
    await scene.must("start", talker(scene), "--name", "talk", "-i", "2");
    const page = await browser.open(`${api.url}#talk`);
    const lines = page.locator(".lines");
    const inLines = <T>(expression: string): Promise<T> =>
      page.evaluate<T>(`{ const box = document.querySelector(".lines"); ${expression} }`);
    await shows("both speak", lines, /instance 0 says[\s\S]*instance 1 says/);
    // Not their number: only so many are shown at a time.
    const newest = (): Promise<string> => lines.locator(".line").last().innerText();
    const before = await newest();
    await until("it goes on", async () => (await newest()) !== before);
    const atEnd = (): Promise<boolean> => inLines<boolean>("box.scrollHeight - box.scrollTop - box.clientHeight < 24");
    await until("there is something to scroll", () => inLines<boolean>("box.scrollHeight > box.clientHeight + 100"));
    await until("it is at the newest line", atEnd);

    await inLines("box.scrollTo({ top: 0 })");
    const jump = page.locator(".jump");
    await shows("what came meanwhile is counted", jump, /\d+ new/);
    expect(await inLines<number>("box.scrollTop")).toBe(0);
    await jump.click();
    await until("it follows again", atEnd);
    await jump.waitFor({ state: "detached" });

    await page.keyboard.press("/");
    await page.keyboard.type("instance 1");
    await shows("only what was searched", lines, /^(?![\s\S]*instance 0 )[\s\S]*instance 1 says/);
    expect(await lines.locator("mark").first().innerText()).toBe("instance 1");
    await page.getByLabel("Search in the log").fill("");
    await page.getByLabel("Level").selectOption("error");
    await shows("only complaints", lines, /^(?![\s\S]*says)[\s\S]*instance \d complains/);
    await page.getByLabel("Instance", { exact: true }).selectOption("1");
    await shows("only of one", lines, /^(?![\s\S]*instance 0)[\s\S]*instance 1 complains/);
    await browser.picture(page, "05-log");
    expect(browser.complaints).toEqual([]);
  });

  it("is told why an instance is down", async () => {
    const script = scene.script("crash.sh", "sleep 0.2", "exit 7");
    await scene.velos("start", script, "--name", "bad", "--max-restarts", "1", "--restart-delay", "50ms");
    await scene.must("start", talker(scene), "--name", "good", "-i", "3");
    const page = await browser.open(api.url);
    await page.getByRole("heading", { name: "1 thing needs attention" }).waitFor();
    await shows("who", page.locator(".troubles"), /bad:0 crashed too often in a row \(exit code 7\); velos gave up/);
    await shows("its row", row(page, "bad:0"), /errored/);
    await browser.picture(page, "06-trouble");
    expect(await page.title()).toBe("(1) velos");
    await page.locator(".troubles button").click();
    await page.getByRole("heading", { name: "bad", exact: true }).waitFor();
  });

  it("sees velosd go and come back, and velos api too, without doing anything", async () => {
    await scene.must("start", talker(scene), "--name", "talk", "-i", "2");
    const page = await browser.open(`${api.url}#talk`);
    await connection(page, "live");
    const lines = page.locator(".lines");
    await shows("it speaks", lines, /says/);

    const pid = await scene.daemonPid();
    process.kill(pid, "SIGKILL");
    await until("another velosd serves", async () => (await scene.daemonPid()) !== pid);
    await connection(page, "live");
    await scene.must("scale", "talk", "3");
    await shows("it knows what is new", page.locator("tr.app"), /3 online/);
    await shows("the log goes on", lines, /instance 2 says/);

    await scene.must("kill");
    await connection(page, "velosd-lost");
    await shows("what that means", page.locator(".banner"), /velosd is away[\s\S]*Apps go on running/);
    await browser.picture(page, "07-velosd-lost");
    expect(await page.getByRole("button", { name: "reload", exact: true }).isDisabled()).toBe(true);
    expect(await page.locator("tr.instance").count()).toBe(3);
    await scene.must("list");
    await connection(page, "live");

    const seen = await lines.locator(".line").last().innerText();
    await api.kill();
    await page.locator(".banner.bad").waitFor();
    await shows("it says when", page.locator(".banner"), /Connection to velos api lost[\s\S]*Next attempt/);
    await browser.picture(page, "08-api-lost");
    await api.begin();
    await page
      .getByRole("button", { name: "Try now" })
      .click({ timeout: 2000 })
      .catch(() => {});
    await connection(page, "live");
    await scene.must("scale", "talk", "1");
    await shows("it is up to date", page.locator("tr.app"), /talk[\s\S]*online/);
    await until("the log has gone on", async () => (await lines.locator(".line").last().innerText()) !== seen);
  });

  it("goes on where it was when only the connection was cut", async () => {
    // The journal still has what apps of the same name said in other tests.
    await scene.must("start", talker(scene), "--name", "steady", "-i", "2");
    const proxy = await Proxy.start(api.port);
    try {
      const page = await browser.open("about:blank");
      const connections: { url: string; types: string[] }[] = [];
      page.on("websocket", (socket) => {
        const seen = { url: socket.url(), types: [] as string[] };
        connections.push(seen);
        socket.on("framereceived", ({ payload }) => {
          const message = JSON.parse(payload.toString()) as { type: string; resumed?: boolean };
          seen.types.push(message.type === "hello" ? `hello, resumed ${message.resumed}` : message.type);
        });
      });
      await page.goto(`http://127.0.0.1:${proxy.port}/#steady`);
      await connection(page, "live");
      await shows("it speaks", page.locator(".lines"), /says/);
      await proxy.stop();
      await connection(page, "lost");
      await scene.must("scale", "steady", "3");
      await proxy.begin();
      await connection(page, "live");
      await shows("what was missed is there", page.locator("tr.app"), /3 online/);
      await shows("the log goes on", page.locator(".lines"), /instance 2 says/);
      // Not one line of the gap is missing, and none is there twice.
      const numbers = (await page.locator(".line .message").allInnerTexts()).flatMap(
        (text) => /^instance 0 says (\d+)$/.exec(text)?.[1] ?? [],
      );
      expect(numbers.map(Number)).toEqual(numbers.map((_, at) => Number(numbers[0]) + at));
      expect(connections[0]!.types.slice(0, 2)).toEqual(["hello, resumed false", "snapshot"]);
      const last = connections.at(-1)!;
      expect(last.url).toMatch(/\?session=[\w-]+&seq=\d+$/);
      expect(last.types[0]).toBe("hello, resumed true");
      expect(last.types).not.toContain("snapshot");
    } finally {
      await proxy.stop();
    }
  });

  it("does all of it with the keyboard", async () => {
    await scene.must("start", talker(scene), "--name", "alpha", "-i", "2");
    await scene.must("start", talker(scene), "--name", "beta");
    const page = await browser.open(api.url);
    await connection(page, "live");
    await page.keyboard.press("?");
    await shows("the keys", page.locator("dialog"), /next app[\s\S]*reload it/);
    await browser.picture(page, "09-keys");
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("j");
    await page.getByRole("heading", { name: "alpha", exact: true }).waitFor();
    await page.keyboard.press("j");
    await page.getByRole("heading", { name: "beta", exact: true }).waitFor();
    await page.keyboard.press("s");
    await page.keyboard.type("3");
    await page.keyboard.press("Enter");
    await until("it is scaled", async () => (await scene.instances("beta")).length === 3);
    await page.keyboard.press("x");
    await page.locator("dialog").waitFor();
    // The focus stays in the dialog, wherever Tab goes.
    for (let press = 0; press < 5; press++) {
      await page.keyboard.press("Tab");
      expect(
        await page.evaluate<boolean>(
          `document.activeElement === document.body || document.activeElement.closest("dialog") !== null`,
        ),
      ).toBe(true);
    }
    await page.keyboard.press("Escape");
    expect((await scene.list("beta"))[0]!.running).toBe(true);
    await page.keyboard.press("x");
    await page.keyboard.press("Enter");
    await shows("it is stopped", page.locator("tr.app").nth(1), /stopped/);
    await page.keyboard.press("Escape");
    await page.locator(".detail").waitFor({ state: "detached" });
    // Every control can be reached, and is seen when it is.
    const reached = new Set<string>();
    for (let press = 0; press < 30; press++) {
      await page.keyboard.press("Tab");
      const focused = await page.evaluate<{ name: string; seen: boolean } | undefined>(`{
        const element = document.activeElement;
        element === document.body ? undefined : {
          name: element.getAttribute("aria-label") ?? element.textContent.trim(),
          seen: getComputedStyle(element).outlineStyle !== "none",
        };
      }`);
      if (!focused) continue;
      expect(focused.seen, focused.name).toBe(true);
      expect(focused.name).not.toBe("");
      reached.add(focused.name);
    }
    expect([...reached]).toEqual(
      expect.arrayContaining(["Keyboard shortcuts", "Start an app", "alpha", "Instances of beta", "stop alpha:1"]),
    );
    await page.keyboard.press("t");
    await page.keyboard.press("t");
    expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
    expect(browser.complaints).toEqual([]);
  });
});

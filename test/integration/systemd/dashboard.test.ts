import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Locator, Page } from "playwright-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ApiServer } from "./api-server.ts";
import { useBrowser } from "./browser.ts";
import { freePort } from "./free-port.ts";
import { report } from "./report.ts";
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

const connection = (page: Page, state: string): Promise<void> =>
  page.locator(`.connection[data-state="${state}"]`).waitFor();

/** The row of an instance. */
const row = (page: Page, name: string): Locator => page.locator("tr.instance").filter({ hasText: name });

const shows = async (what: string, locator: Locator, pattern: RegExp): Promise<void> => {
  let seen = "";
  await until(what, async () => {
    seen = (await locator.allInnerTexts()).join("\n");
    return pattern.test(seen);
  }).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(seen)}`);
  });
};

const confirm = async (page: Page): Promise<void> => page.locator("dialog button[value=yes]").click();

/** The path of a chart as it is at the moment: the picture moves when it changes. */
const chartSamples = async (page: Page): Promise<number> =>
  Number(await page.locator(".plot").first().getAttribute("data-samples"));

const pixels = (page: Page): Promise<string> =>
  page.evaluate<string>(`document.querySelector(".plot canvas").toDataURL()`);

/** Says each fifth of a second who it is. */
const talker = (): string =>
  scene.script(
    "talk.sh",
    'echo "<3>instance $VELOS_INSTANCE_ID complains"',
    'while :; do n=$((n+1)); echo "instance $VELOS_INSTANCE_ID says $n"; sleep 0.2; done',
  );

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
    await scene.must("start", talker(), "--name", "talk", "-i", "2");
    const page = await browser.open(`${api.url}#talk`);
    const lines = page.locator(".lines");
    const inLines = <T>(expression: string): Promise<T> =>
      page.evaluate<T>(`{ const box = document.querySelector(".lines"); ${expression} }`);
    await shows("both speak", lines, /instance 0 says[\s\S]*instance 1 says/);
    const count = (): Promise<number> => lines.locator(".line").count();
    const first = await count();
    await until("it goes on", async () => (await count()) > first + 3);
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
    await scene.must("start", script, "--name", "bad", "--max-restarts", "1", "--restart-delay", "50ms");
    await scene.must("start", talker(), "--name", "good", "-i", "3");
    const page = await browser.open(api.url);
    await page.getByRole("heading", { name: "1 thing needs attention" }).waitFor();
    await shows("who", page.locator(".troubles"), /bad:0 crashed too often in a row \(exit code 7\); velos gave up/);
    await shows("its row", row(page, "bad:0"), /errored/);
    await browser.picture(page, "06-trouble");
    await page.locator(".troubles button").click();
    await page.getByRole("heading", { name: "bad", exact: true }).waitFor();
  });

  it("sees velosd go and come back, and velos api too, without doing anything", async () => {
    await scene.must("start", talker(), "--name", "talk", "-i", "2");
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

  it("does all of it with the keyboard", async () => {
    await scene.must("start", talker(), "--name", "alpha", "-i", "2");
    await scene.must("start", talker(), "--name", "beta");
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

describe("the page", () => {
  it("fits 400 pixels, light and dark, with long names and many apps", async () => {
    const long = "an-application-with-a-name-that-is-as-long-as-a-name-may-be-1234";
    await scene.must("start", talker(), "--name", long, "-i", "3");
    await scene.must("start", talker(), "--name", "b", "-i", "2");
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await browser.open(api.url, { viewport: { width: 400, height: 800 }, colorScheme });
      await connection(page, "live");
      await page.locator("tr.app").nth(1).waitFor();
      const overflow = (): Promise<number> =>
        page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth");
      expect(await overflow()).toBe(0);
      await browser.picture(page, `10-narrow-${colorScheme}`);
      await page.locator("tr.app").first().click();
      await page.locator(".detail").waitFor();
      expect(await page.locator(".overview").isVisible()).toBe(false);
      expect(await overflow()).toBe(0);
      await browser.picture(page, `11-narrow-detail-${colorScheme}`);
      await page.getByRole("button", { name: "Back to all apps" }).click();
      await page.locator("tr.app").first().waitFor();
    }
    expect(browser.complaints).toEqual([]);
  });

  it("asks nobody but its own server, and may not", async () => {
    await scene.must("start", talker(), "--name", "talk");
    const page = await browser.open(`${api.url}#talk`);
    await page.locator(".line").first().waitFor();
    expect(
      browser.requests.filter((url) => !url.startsWith(api.url) && !url.startsWith(api.url.replace("http", "ws"))),
    ).toEqual([]);
    const policy = (await fetch(api.url)).headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
    expect(browser.complaints).toEqual([]);
  });

  it("is small, compressed beforehand, and kept by browsers", async () => {
    const html = await (await fetch(api.url)).text();
    const assets = [...html.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, path]) => path!);
    expect(assets.length).toBeGreaterThanOrEqual(2);
    for (const asset of assets) {
      const response = await fetch(`${api.url}${asset}`, { headers: { "accept-encoding": "br" } });
      expect([response.status, response.headers.get("content-encoding")], asset).toEqual([200, "br"]);
      expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    }
    expect((await fetch(api.url)).headers.get("cache-control")).toBe("no-cache");
    const root = fileURLToPath(new URL("../../../dist/dashboard", import.meta.url));
    const sizeOf = (ending: string): number =>
      readdirSync(root, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(ending))
        .reduce((sum, name) => sum + statSync(join(root, name)).size, 0);
    const [br, gz] = [sizeOf(".br"), sizeOf(".gz")];
    report(`dashboard: ${(br / 1024).toFixed(1)} KB with brotli, ${(gz / 1024).toFixed(1)} KB with gzip`);
    expect(gz).toBeLessThanOrEqual(120 * 1024);
  });
});

describe("tokens", () => {
  it("asks for one, takes a good one, and lets who may only read do nothing", async () => {
    await api.kill();
    await scene.must("start", talker(), "--name", "talk");
    scene.env["XDG_CONFIG_HOME"] = scene.path("config");
    scene.write(
      "config/velos/velos.toml",
      [
        "api_token = [",
        '  { name = "desk", scope = "operate", token = "operator-token-0123456789" },',
        '  { name = "wall", scope = "read", token = "reader-token-0123456789ab" },',
        "]",
        "",
      ].join("\n"),
      0o600,
    );
    await api.begin();
    const page = await browser.open(api.url);
    const field = page.getByLabel("Token");
    await field.fill("wrong-token-0123456789");
    await page.getByRole("button", { name: "Open" }).click();
    await shows("it is refused", page.locator("#token-refused"), /not accepted/);
    await browser.picture(page, "12-token");
    await field.fill("reader-token-0123456789ab");
    await page.getByRole("button", { name: "Open" }).click();
    await connection(page, "live");
    await shows("it says so", page.locator(".connection"), /read only/);
    expect(await page.getByRole("button", { name: "Start an app" }).isDisabled()).toBe(true);
    expect(await page.getByRole("button", { name: "restart talk:0" }).isDisabled()).toBe(true);

    const other = await browser.open(api.url);
    await other.getByLabel("Token").fill("operator-token-0123456789");
    await other.getByRole("button", { name: "Open" }).click();
    await connection(other, "live");
    expect(await other.getByRole("button", { name: "restart talk:0" }).isDisabled()).toBe(false);
    // Kept for the tab: a reload does not ask again.
    await other.reload();
    await connection(other, "live");
    expect(other.url()).not.toContain("token");
    delete scene.env["XDG_CONFIG_HOME"];
  });
});

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import type { AxeResults } from "axe-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ApiServer } from "./api-server.ts";
import { useBrowser } from "./browser.ts";
import { connection, shows, talker } from "./dashboard-page.ts";
import { report } from "./report.ts";
import { useScene } from "./scene.ts";

const scene = useScene();
const browser = useBrowser();
let api: ApiServer;
beforeEach(async () => {
  api = await ApiServer.start(scene);
});
afterEach(() => api.kill());

describe("the page", () => {
  it("fits 400 pixels, light and dark, with long names and many apps", async () => {
    const long = "an-application-with-a-name-that-is-as-long-as-a-name-may-be-1234";
    await scene.must("start", talker(scene), "--name", long, "-i", "3");
    await scene.must("start", talker(scene), "--name", "b", "-i", "2");
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
    await scene.must("start", talker(scene), "--name", "talk");
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

it.each(["light", "dark"] as const)("has no fault that axe can find: %s", async (colorScheme) => {
  await scene.must("start", talker(scene), "--name", "talk", "-i", "2");
  await scene.velos("start", scene.script("crash.sh", "exit 7"), "--name", "bad", "--max-restarts", "1");
  const page = await browser.open(api.url, { colorScheme });
  await page.getByRole("heading", { name: "1 thing needs attention" }).waitFor();
  const faults = async (): Promise<string[]> => {
    await page.evaluate(axe.source);
    const { violations, passes } = await page.evaluate<AxeResults>("axe.run()");
    expect(passes.length).toBeGreaterThan(15);
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  };
  expect(await faults()).toEqual([]);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.locator(".line").first().waitFor();
  expect(await faults()).toEqual([]);
  for (const key of ["s", "r", "n", "?"]) {
    await page.keyboard.press(key);
    await page.locator("dialog").waitFor();
    expect(await faults(), `dialog of ${key}`).toEqual([]);
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
  }
  await page.setViewportSize({ width: 400, height: 800 });
  expect(await faults()).toEqual([]);
  await page.keyboard.press("Escape");
  await page.locator("tr.app").first().waitFor();
  expect(await faults()).toEqual([]);
  await scene.must("kill");
  await connection(page, "velosd-lost");
  expect(await faults()).toEqual([]);
});

describe("tokens", () => {
  it("asks for one, takes a good one, and lets who may only read do nothing", async () => {
    await api.kill();
    await scene.must("start", talker(scene), "--name", "talk");
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

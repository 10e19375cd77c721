import axe from "axe-core";
import type { AxeResults } from "axe-core";
import type { Locator, Page } from "playwright-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ApiServer } from "./api-server.ts";
import { useBrowser } from "./browser.ts";
import { useScene } from "./scene.ts";

const scene = useScene();
const browser = useBrowser();
let api: ApiServer;
beforeEach(async () => {
  api = await ApiServer.start(scene);
});
afterEach(() => api.kill());

/** An operation of the page, unfolded. */
const unfold = async (page: Page, name: string): Promise<Locator> => {
  const details = page
    .locator("details")
    .filter({ has: page.getByText(name, { exact: false }) })
    .first();
  await details.locator("summary").click();
  return details;
};

const tried = async (details: Locator, status: number): Promise<string> => {
  await details.getByRole("button", { name: "try it" }).click();
  const answer = details.locator("pre").nth(1);
  await answer.filter({ hasText: new RegExp(`^${status} `) }).waitFor();
  return (await answer.textContent()) ?? "";
};

describe("/docs", () => {
  it("shows every operation, tries them, and follows a log, without a complaint of the browser", async () => {
    const script = scene.script("talk.sh", "n=0; while :; do n=$((n + 1)); echo said $n; sleep 0.2; done");
    await scene.must("start", script, "--name", "docs-page", "-i", "2");
    const page = await browser.open(`${api.url}docs`);
    await page.locator("details").first().waitFor();
    const document = (await (await fetch(`${api.url}openapi.json`)).json()) as { paths: Record<string, object> };
    const operations = Object.values(document.paths).flatMap((methods) => Object.keys(methods));
    expect(await page.locator("details").count()).toBe(operations.length);

    const list = await unfold(page, " /api/processes ");
    expect(await list.locator("pre").first().textContent()).toMatch(/^curl 'http:.*\/api\/processes'$/);
    expect(await tried(list, 200)).toContain('"docs-page:1"');

    const one = await unfold(page, " /api/processes/{name} ");
    await one.locator("input").first().fill("no-such-app");
    expect(await tried(one, 404)).toContain('"APP_NOT_FOUND"');
    await browser.picture(page, "20-docs");

    const logs = await unfold(page, " /api/logs/{name} ");
    await logs.locator('[name="name"]').fill("docs-page:0");
    await logs
      .locator('[name="follow"]')
      .first()
      .selectOption({ index: 1 })
      .catch(async () => {
        await logs.locator('[name="follow"]').first().fill("1");
      });
    await logs.getByRole("button", { name: "try it" }).click();
    const answer = logs.locator("pre").nth(1);
    await answer.filter({ hasText: /said 3/ }).waitFor();
    const before = await answer.textContent();
    await expect.poll(async () => (await answer.textContent())!.length).toBeGreaterThan(before!.length);
    await logs.locator("summary").click();

    // The answer that says 404 is what the browser takes for an error of the page.
    expect(browser.complaints.filter((text) => !text.includes("404"))).toEqual([]);
    expect(browser.requests.filter((url) => !url.startsWith(api.url))).toEqual([]);
  });

  it("can be used with a keyboard and a screen reader", async () => {
    const page = await browser.open(`${api.url}docs`);
    await page.locator("details").first().waitFor();
    await (await unfold(page, " /api/logs/{name} ")).locator("input").first().waitFor();
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate<AxeResults>("axe.run()");
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
  });
});

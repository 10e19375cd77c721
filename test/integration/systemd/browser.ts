import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { chromium } from "playwright-core";
import { afterAll, afterEach, beforeAll } from "vitest";

const pictures = fileURLToPath(new URL("../../../test-output/dashboard/", import.meta.url));

/** A real browser, and what it complained about. */
export class TestBrowser {
  browser: Browser | undefined;
  /** What a page wrote on its console as an error, and what it threw. */
  complaints: string[] = [];
  /** Every address that a page asked for. */
  requests: string[] = [];

  /** A page of its own, with nothing stored. */
  async open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.browser!.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(error.stack ?? error.message));
    page.on("request", (request) => this.requests.push(request.url()));
    await page.goto(url);
    return page;
  }

  /** Keeps a picture in test-output, for people. */
  async picture(page: Page, name: string): Promise<void> {
    mkdirSync(pictures, { recursive: true });
    await page.screenshot({ path: `${pictures}${name}.png` });
  }
}

/** One browser for the tests of a file; its pages end with each test. */
export const useBrowser = (): TestBrowser => {
  const test = new TestBrowser();
  beforeAll(async () => {
    test.browser = await chromium.launch({
      executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
      // As root, and in a name space of processes of its own, its sandbox cannot be set up.
      args: ["--no-sandbox", "--disable-dev-shm-usage"],
    });
  });
  afterEach(async () => {
    for (const context of test.browser!.contexts()) await context.close();
    test.complaints = [];
    test.requests = [];
  });
  afterAll(async () => {
    await test.browser?.close();
  });
  return test;
};

import type { Locator, Page } from "playwright-core";
import type { Scene } from "./scene.ts";
import { until } from "./until.ts";

/** Waits until the page says that its connection is so. */
export const connection = (page: Page, state: "live" | "lost" | "velosd-lost"): Promise<void> =>
  page.locator(`.connection[data-state="${state}"]`).waitFor();

/** Waits until what is found on the page reads so; the error has what it read at last. */
export const shows = async (what: string, locator: Locator, pattern: RegExp): Promise<void> => {
  let seen = "";
  await until(what, async () => {
    seen = (await locator.allInnerTexts()).join("\n");
    return pattern.test(seen);
  }).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(seen)}`);
  });
};

/** An app that says each fifth of a second who it is, and complains once. */
export const talker = (scene: Scene): string =>
  scene.script(
    "talk.sh",
    'echo "<3>instance $VELOS_INSTANCE_ID complains"',
    'while :; do n=$((n+1)); echo "instance $VELOS_INSTANCE_ID says $n"; sleep 0.2; done',
  );

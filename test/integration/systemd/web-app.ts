import type { Scene } from "./scene.ts";

/**
 * A web server as anybody writes it: it knows nothing of velos and handles no signal. It answers with its version, its
 * instance number and its pid. DELAY_MS makes its answers slow; `/healthz` answers 500 while there is a file `sick-N`, and
 * leaves a file `well-N` when it answers 200.
 */
const SOURCE = `
import { appendFileSync, existsSync } from "node:fs";
import { createServer } from "node:http";

const { VERSION = "1", DELAY_MS = "0", PORT, NODE_APP_INSTANCE } = process.env;
const answer = [VERSION, NODE_APP_INSTANCE, process.pid].join(" ");
const server = createServer((request, response) => {
  if (request.url === "/healthz") {
    const isSick = existsSync("sick-" + NODE_APP_INSTANCE);
    if (!isSick) appendFileSync("well-" + NODE_APP_INSTANCE, "");
    response.statusCode = isSick ? 500 : 200;
    return response.end(answer);
  }
  if (request.url === "/noted") appendFileSync("noted", answer + "\\n");
  if (DELAY_MS === "0") return response.end(answer);
  setTimeout(() => response.end(answer), Number(DELAY_MS));
});
server.listen(Number(PORT), process.env.HOST);
`;

/** Writes the web server into the scene; returns its path. */
export const webApp = (scene: Scene, name = "server.mjs"): string => scene.write(name, SOURCE);

/** Who answered a request to the web server. */
export interface Answer {
  version: string;
  index: number;
  pid: number;
}

export const readAnswer = (text: string): Answer => {
  const [version = "", index, pid] = text.split(" ");
  return { version, index: Number(index), pid: Number(pid) };
};

/** Asks once, on a connection of its own. */
export const ask = async (url: string): Promise<Answer> =>
  readAnswer(await (await fetch(url, { headers: { connection: "close" } })).text());

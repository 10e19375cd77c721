import { VelosError } from "../domain/errors.ts";
import type { ListenAddress } from "../domain/listen.ts";
import { parseListen } from "../domain/listen.ts";
import type { Kind } from "./kinds.ts";
import { Misfit } from "./misfit.ts";

/** An address to hold open: `3000` (also as a number), `127.0.0.1:3000`, `[::1]:3000`, a path. */
export const listenAddress: Kind<ListenAddress> = {
  expects: "a port, host:port or a path",
  json: { type: ["string", "integer"] },
  read: (value) => {
    if (typeof value === "number" || typeof value === "bigint") return parse(String(value));
    if (typeof value !== "string") throw new Misfit();
    return parse(value);
  },
};

const parse = (text: string): ListenAddress => {
  try {
    return parseListen(text);
  } catch (error) {
    if (!(error instanceof VelosError)) throw error;
    throw new Misfit(`${JSON.stringify(text)}: ${String(error.details["why"])}`, {
      hint: String(error.details["hint"]),
    });
  }
};

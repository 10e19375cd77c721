import { VelosError } from "../domain/errors.ts";

/**
 * The port that `--port` gave.
 * @throws VelosError USAGE
 */
export const readPort = (text: string): number => {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new VelosError("USAGE", {
    why: `--port: '${text}' is not a port`,
    hint: "a number from 1 to 65535; 0 takes one that is free",
  });
};

import { parse } from "smol-toml";

/** The value of a literal of TOML, such as the examples and defaults of keys: `"5s"`, `["src"]`, `{ PORT = "3000" }`. */
export const literal = (text: string): unknown => parse(`value = ${text}`)["value"];

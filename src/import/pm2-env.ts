import { isVariableName } from "../config/environment-kinds.ts";
import type { Remark, TomlValue } from "./imported-app.ts";

/** Variables as velos.toml has them: texts. pm2 writes objects as JSON, and so does this. Undefined: no table. */
export const variablesOf = (
  key: string,
  value: unknown,
  remarks: Remark[],
): { [name: string]: TomlValue } | undefined => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const variables: { [name: string]: TomlValue } = {};
  for (const [name, member] of Object.entries(value)) {
    const leftOut = (why: string): void => void remarks.push({ key: `${key}.${name}`, why: `left out: ${why}` });
    if (!isVariableName(name)) leftOut("it cannot be a variable's name");
    else if (member === null || member === undefined) leftOut("it has no value");
    else if (typeof member === "string" && member.includes("\0")) leftOut("it contains a NUL character");
    else variables[name] = typeof member === "object" ? JSON.stringify(member) : String(member as string);
  }
  return variables;
};

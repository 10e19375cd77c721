import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { misfitOf } from "../api/misfit-of.ts";
import type { ResolveContext } from "../config/resolve.ts";
import { VelosError } from "../domain/errors.ts";
import { startTool } from "./start-tool.ts";
import type { Caller, Tool } from "./tools.ts";
import { createTools, findTool } from "./tools.ts";

export interface McpOptions {
  version: string;
  /** Only tools that change nothing. */
  readOnly: boolean;
  /** A way to velosd, for one call; ended by whoever made it. */
  withDaemon: <T>(use: (daemon: Caller) => Promise<T>) => Promise<T>;
  /** What the tool `start` finds programs and relative paths with. */
  resolving: { context: ResolveContext; cwd: string };
  /** A call is answered after this long at the latest; what it began goes on. Default 45 s: clients give up after 60. */
  answerWithinMs?: number;
}

const INSTRUCTIONS =
  "velos runs applications as systemd units: an app has instances api:0, api:1, … . Begin with list; describe shows " +
  "one app with its spec; logs and log_summary show output. Selectors are api, api:2, api* or all.";

/** A server for one client; `connect` it to a transport. */
export const createMcpServer = (options: McpOptions): Server => {
  const { readOnly, resolving } = options;
  const tools = createTools({ readOnly, more: [startTool(resolving.context, resolving.cwd)] });
  const server = new Server(
    { name: "velos", version: options.version },
    { capabilities: { tools: {} }, instructions: INSTRUCTIONS },
  );
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: tools.map(({ name, description, params, access, destructive }) => ({
      name,
      description,
      // The schema as it goes over the wire, without TypeBox's own marks.
      inputSchema: JSON.parse(JSON.stringify(params)) as { type: "object" },
      annotations: { readOnlyHint: access === "read", destructiveHint: destructive, openWorldHint: false },
    })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params: { name, arguments: given = {} } }) => {
    try {
      const tool = findTool(tools, name);
      checkParams(tool, given);
      return answer(await inTime(tool, given, options));
    } catch (error) {
      return failure(error);
    }
  });
  return server;
};

const checkParams = (tool: Tool, given: Record<string, unknown>): void => {
  const misfit = misfitOf(tool.params, given);
  if (!misfit) return;
  throw new VelosError("MESSAGE_INVALID", {
    why: `${tool.name}: ${misfit.pointer || "the arguments"} ${misfit.why}`,
    hint: `tools/list has the schema of ${tool.name}`,
  });
};

/** The result, or word that it goes on when it takes longer than clients wait. */
const inTime = async (tool: Tool, given: Record<string, unknown>, options: McpOptions): Promise<unknown> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<unknown>((resolve) => {
    const ms = options.answerWithinMs ?? 45_000;
    const note = `this goes on: it is not over after ${ms / 1000} s; see list and rollout for how far it is`;
    timer = setTimeout(() => resolve({ note }), ms);
  });
  const run = (): Promise<unknown> => options.withDaemon((daemon) => tool.run(given, daemon));
  const done = run().catch((error: unknown) => {
    // velosd was ended just now: whoever only looks can look again.
    if (tool.access === "read" && VelosError.of(error).code === "DAEMON_UNREACHABLE") return run();
    throw error;
  });
  done.catch(() => undefined);
  try {
    return await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
};

const answer = (result: unknown): CallToolResult => ({ content: [{ type: "text", text: JSON.stringify(result) }] });

/** An error is for the agent to read, so it is a result: what went wrong, and what to do. */
const failure = (error: unknown): CallToolResult => {
  const { code, message, hint } = VelosError.of(error);
  return { isError: true, content: [{ type: "text", text: JSON.stringify({ code, message, ...(hint && { hint }) }) }] };
};

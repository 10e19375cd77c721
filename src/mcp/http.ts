import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { McpOptions } from "./server.ts";
import { createMcpServer } from "./server.ts";

/**
 * Answers one request of the protocol's Streamable HTTP transport, without sessions: what there is to know comes with
 * each request. The answer is JSON, or 202 for a message that has none.
 * @param body as parsed from JSON
 */
export const answerHttp = async (
  options: McpOptions,
  { request, response, body }: { request: IncomingMessage; response: ServerResponse; body: unknown },
): Promise<void> => {
  const server = createMcpServer(options);
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
  response.once("close", () => void server.close());
  await server.connect(transport);
  await transport.handleRequest(request, response, body);
};

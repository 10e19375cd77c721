import type { Socket } from "node:net";

/** Calls back for every line of JSON that the socket brings. What is not JSON ends the connection. */
export const readJsonLines = (socket: Socket, onMessage: (message: unknown) => void): void => {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      let message: unknown;
      try {
        message = JSON.parse(line);
      } catch {
        socket.destroy();
        return;
      }
      onMessage(message);
    }
  });
};

export const writeJsonLine = (socket: Socket, message: object): void =>
  void socket.write(`${JSON.stringify(message)}\n`);

import { once } from "node:events";
import { createServer } from "node:net";

/** A port that nobody listens at, below those that the kernel gives to outgoing connections. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    try {
      server.listen(port);
      await once(server, "listening");
      return port;
    } catch {
      // Taken: try another.
    } finally {
      server.close();
    }
  }
};

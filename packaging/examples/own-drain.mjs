// A web server that ends by itself: it has a SIGTERM handler of its own, so velos leaves the draining to it.
//
//     velos start own-drain.mjs -i 4 --listen 3000
//     velos reload own-drain
//
// What velos still does is to say `Connection: close` on the answers, so that clients with kept connections go elsewhere.
// Without any handler velos drains: then the server needs not one line for it.
import { createServer } from "node:http";

const server = createServer((request, response) => {
  response.setHeader("content-type", "text/plain");
  response.end(`hello from instance ${process.env.NODE_APP_INSTANCE ?? "?"} (pid ${process.pid})\n`);
});

process.on("SIGTERM", () => {
  // No new connections; the callback runs when the last answer is out and every connection is closed.
  server.close(() => {
    console.log("everything is answered, the database can be closed");
    process.exit(0);
  });
});

server.listen(Number(process.env.PORT ?? 3000));

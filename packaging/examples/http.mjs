// A web server that knows nothing of velos: it answers with the instance that served the request.
import { createServer } from "node:http";

const server = createServer((request, response) => {
  response.setHeader("content-type", "text/plain");
  response.end(`hello from instance ${process.env.NODE_APP_INSTANCE ?? "?"} (pid ${process.pid})\n`);
});
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  console.log(`listening on ${JSON.stringify(server.address())}`);
});

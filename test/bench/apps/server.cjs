// A server without any signal handling. BOOT_MS: how long it takes to listen; WORK_MS: time it computes for an answer;
// DELAY_MS: time it waits before it.
const http = require("node:http");
const { mark } = require("./mark.cjs");

const { BOOT_MS = 0, WORK_MS = 0, DELAY_MS = 0, PORT, NODE_APP_INSTANCE } = process.env;
const server = http.createServer((request, response) => {
  const until = Number(WORK_MS) && performance.now() + Number(WORK_MS);
  while (performance.now() < until);
  const answer = () => {
    response.setHeader("x-instance", String(NODE_APP_INSTANCE));
    response.end("hello");
  };
  if (Number(DELAY_MS)) setTimeout(answer, Number(DELAY_MS));
  else answer();
});
const listen = () => server.listen(Number(PORT), () => mark("listening"));
if (Number(BOOT_MS)) setTimeout(listen, Number(BOOT_MS));
else listen();
module.exports = server;

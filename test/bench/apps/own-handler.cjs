// The same server with the handler that most apps have: stop accepting, and exit when everything is closed.
const server = require("./server.cjs");

for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => server.close(() => process.exit(0)));

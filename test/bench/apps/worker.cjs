// The smallest worker: it is there, and does nothing.
require("./mark.cjs").mark("running");
setInterval(() => {}, 60_000);

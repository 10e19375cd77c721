// Prints what pm2's daemon tells of processes, a JSON object a line: pm2-events.cjs DIRECTORY-OF-PM2
const pm2 = require(process.argv[2]);

const print = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
pm2.connect((error) => {
  if (error) throw error;
  pm2.launchBus((failure, bus) => {
    if (failure) throw failure;
    bus.on("process:event", ({ event, at }) => print({ event, at }));
    print({ event: "watching" });
  });
});

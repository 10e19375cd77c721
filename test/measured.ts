/** Tests against systemd whose figures are about time: they run by themselves, the others in lanes side by side. */
export const measured = ["cost", "crash", "reload-under-load", "telemetry-cost", "velosd-death"].map(
  (name) => `test/integration/systemd/${name}.test.ts`,
);

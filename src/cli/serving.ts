/** Commands that serve, for which `--host` behind them is the address to serve on. */
export const serving: readonly string[] = ["api", "metrics", "mcp"];

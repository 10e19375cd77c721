/**
 * A row as rows/*.mjs give it: `{ id, name, unit, velos, pm2 }` with numbers, and where it applies
 * - `better`: "lower" (default) or "higher"
 * - `plain`: the same without any manager
 * - `limit`: `{ text, holds }`, what velos promises whatever pm2 does
 * - `info`: true for a number that explains others and is no contest
 * - `samples`, `note`: for the JSON
 * Adds `ratio` (velos ÷ pm2) and `ahead`: "yes", "no", or "same".
 */
export const judge = (row) => {
  const { velos, pm2, better = "lower" } = row;
  if (velos === undefined || pm2 === undefined || row.info) return { better, ...row };
  const ratio = pm2 === 0 ? undefined : velos / pm2;
  const ahead = velos === pm2 ? "same" : velos < pm2 === (better === "lower") ? "yes" : "no";
  return { better, ...row, ...(ratio !== undefined && { ratio: Math.round(ratio * 1000) / 1000 }), ahead };
};

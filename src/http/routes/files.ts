import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import type { FastifyInstance } from "fastify";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
};

/** Nothing from anywhere else, and nothing that is not a file of the page. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "manifest-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** How a file is encoded, by what its name ends in; in the order of preference. */
const encodings = [
  { encoding: "br", ending: ".br" },
  { encoding: "gzip", ending: ".gz" },
] as const;

/**
 * Serves the files of a page: the dashboard's at `/`, the description's at `/docs`. They are few and small, and are read
 * once; each is a route, so that no path leads elsewhere. They have nothing secret, so that a page can ask for the token.
 * @param at where its index.html is found
 */
export const addPage = (app: FastifyInstance, directory: string, at: "/" | "/docs"): void => {
  const below = at === "/" ? "" : at;
  for (const name of filesIn(directory)) {
    const path = join(directory, name);
    const plain = readFileSync(path);
    const forms = encodings.flatMap(({ encoding, ending }) =>
      existsSync(path + ending) ? [{ encoding, bytes: readFileSync(path + ending) }] : [],
    );
    const isPage = name === "index.html";
    app.route({
      method: "GET",
      url: isPage ? at : `${below}/${name}`,
      config: { access: "open", rateLimit: false },
      handler: async (request, reply) => {
        const accepted = String(request.headers["accept-encoding"] ?? "");
        const form = forms.find(({ encoding }) =>
          new RegExp(`\\b${encoding}\\b(?!\\s*;\\s*q=0(?:\\.0*)?(?:,|$))`).test(accepted),
        );
        if (form) reply.header("content-encoding", form.encoding);
        return reply
          .header("vary", "accept-encoding")
          .header("content-security-policy", PAGE_POLICY)
          .header("referrer-policy", "no-referrer")
          .header("cache-control", isHashed(name) ? "public, max-age=31536000, immutable" : "no-cache")
          .type(types[extname(name)] ?? "application/octet-stream")
          .send(form?.bytes ?? plain);
      },
    });
  }
};

/** The name changes with the content. */
const isHashed = (name: string): boolean => name.startsWith("assets/");

const filesIn = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => name.replaceAll("\\", "/"))
    .filter(
      (name) => !encodings.some(({ ending }) => name.endsWith(ending)) && statSync(join(directory, name)).isFile(),
    );

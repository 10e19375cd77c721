import * as Type from "typebox";
import type { Services } from "../services.ts";
import type { Route } from "./route.ts";
import { route } from "./route.ts";
import { checkPresence } from "./target.ts";

const Health = Type.Object({ status: Type.Literal("ok"), version: Type.String() });

/** For load balancers. */
export const healthRoutes = ({ velosd, version }: Services): Route[] => [
  route({
    method: "GET",
    path: "/healthz",
    id: "health",
    summary: "Whether velosd can be asked",
    access: "open",
    fromMemory: true,
    answers: { 200: { description: "it can", schema: Health } },
    handle: async () => {
      checkPresence(velosd);
      return { body: { status: "ok", version } };
    },
  }),
];

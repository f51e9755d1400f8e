import { createServer } from "node:net";
import type { DrillPlan } from "#src/drill/contract.ts";

const ADDRESS = "127.0.0.1";
const PORT = 4444;

/** Attacks on listeners. */
export const drills: readonly DrillPlan[] = [
  {
    name: "listener-4444",
    sentence: `listens on tcp ${ADDRESS} port ${PORT}, the usual default of remote-control tools`,
    kind: "listener.new",
    subject: () => ({ type: "socket", protocol: "tcp", address: ADDRESS, port: PORT }),
    stage: async () => {
      const server = createServer((socket) => socket.destroy());
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(PORT, ADDRESS, resolve);
      });
      return () => new Promise((resolve) => server.close(() => resolve()));
    },
  },
];

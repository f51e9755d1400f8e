/** What an observation, an alert or an action is about. */
export type Subject =
  | { readonly type: "socket"; readonly protocol: "tcp" | "udp"; readonly address: string; readonly port: number }
  | { readonly type: "file"; readonly path: string; readonly pathBase64?: string }
  | { readonly type: "account"; readonly name: string }
  | { readonly type: "sensor"; readonly name: string }
  /** How much of something there is; `series` is named by its sensor. */
  | { readonly type: "level"; readonly series: string }
  /** An IP address, or a network as CIDR. */
  | { readonly type: "address"; readonly address: string };

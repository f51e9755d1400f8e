/** Networks that are nobody's in the internet (RFC 1918, RFC 6598, RFC 4193), as CIDR. Pure. */
export const PRIVATE_NETWORKS: readonly string[] = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "fc00::/7",
];

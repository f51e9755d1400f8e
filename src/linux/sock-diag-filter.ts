/**
 * A program for sock_diag that passes only sockets whose other end lies in one of some networks: the kernel then tells no others. Pure.
 *
 * Each network is one step D_COND; when it does not fit, the next one is tried. Behind all but the last stands a jump to the end, which
 * is taken when it fits. The end exactly: the socket passes; 4 bytes behind it: it does not. IPv4-mapped sockets fit networks of IPv4.
 *
 * | offset in a step | field |
 * |---|---|
 * | 0 | code u8, bytes to go on when it fits u8, when it does not u16 |
 * | 4 | family u8, prefix u8, 2 of nothing, port s32 (-1: any) |
 * | 12 | address |
 * @see linux v6.18 include/uapi/linux/inet_diag.h, net/ipv4/inet_diag.c inet_diag_bc_run()
 */
import type { IpNetwork } from "#src/lib/ip-network.ts";

const INET_DIAG_BC_JMP = 1;
const INET_DIAG_BC_D_COND = 8;
const AF_INET = 2;
const AF_INET6 = 10;
const OP_BYTES = 4;
const ADDRESS_AT = 12;

/** The program; `null` when there are no networks: the kernel takes none of no length. */
export function remoteFilter(networks: readonly IpNetwork[]): Buffer | null {
  if (networks.length === 0) return null;
  const steps = networks.map(conditionOf);
  const bytes = steps.reduce((sum, { length }) => sum + length, 0) + (steps.length - 1) * OP_BYTES;
  const program: Buffer[] = [];
  let left = bytes;
  for (const step of steps) {
    program.push(step);
    left -= step.length;
    if (left > 0) program.push(jump(left));
    left -= OP_BYTES;
  }
  return Buffer.concat(program);
}

function conditionOf({ family, prefix, bytes }: IpNetwork): Buffer {
  const step = Buffer.alloc(ADDRESS_AT + bytes.length);
  step[0] = INET_DIAG_BC_D_COND;
  step[1] = step.length;
  step.writeUInt16LE(step.length + OP_BYTES, 2);
  step[4] = family === 4 ? AF_INET : AF_INET6;
  step[5] = prefix;
  step.writeInt32LE(-1, 8);
  step.set(bytes, ADDRESS_AT);
  return step;
}

/** The kernel goes on by the second number; the first only tells it where the next step begins. */
function jump(bytes: number): Buffer {
  const step = Buffer.from([INET_DIAG_BC_JMP, OP_BYTES, 0, 0]);
  step.writeUInt16LE(bytes, 2);
  return step;
}

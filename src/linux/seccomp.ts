/**
 * seccomp(2) filter that refuses (EPERM) what none of our processes has a use for: mounts, namespaces, modules, tracing, signals to
 * others, io_uring, and internet sockets. It is inherited over execve and cannot be taken off.
 * Since: 3.5. Needs: no_new_privs. Cost: some 40 BPF instructions a system call, about 0.1 µs.
 * Blinded by: nothing; a system call that a newer kernel adds is not on the list.
 */
import { arch } from "node:os";
import { GarrisonError } from "#src/lib/errors.ts";
import { addressOf, checked, libcFunction } from "./ffi.ts";

const PR_SET_SECCOMP = 22;
const SECCOMP_MODE_FILTER = 2;
const SECCOMP_RET_KILL_PROCESS = 0x80000000;
const SECCOMP_RET_ERRNO_EPERM = 0x00050001;
const SECCOMP_RET_ALLOW = 0x7fff0000;
const BPF_LD_W_ABS = 0x20;
const BPF_JEQ_K = 0x15;
const BPF_JGE_K = 0x35;
const BPF_AND_K = 0x54;
const BPF_RET_K = 0x06;
const X32_SYSCALL_BIT = 0x40000000;
const AF_UNIX = 1;
const AF_NETLINK = 16;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_RAW = 3;
const SOCK_TYPE_MASK = 0xf;
// struct seccomp_data: nr at 0, arch at 4, args[0] at 16, args[1] at 24 (little endian).
const DATA_NR = 0;
const DATA_ARCH = 4;
const DATA_ARG0 = 16;
const DATA_ARG1 = 24;

// open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr pidfd_send_signal io_uring_setup: the same everywhere.
const REFUSED_EVERYWHERE = [428, 429, 430, 431, 432, 433, 442, 424, 425];

/** Numbers of linux/audit.h and of the architecture's unistd.h. */
const ARCHITECTURES = {
  x64: {
    audit: 0xc000003e,
    socket: 41,
    // kill ptrace pivot_root chroot mount umount2 reboot init_module delete_module tkill kexec_load unshare perf_event_open setns
    // process_vm_readv process_vm_writev finit_module kexec_file_load bpf userfaultfd
    refused: [62, 101, 155, 161, 165, 166, 169, 175, 176, 200, 246, 272, 298, 308, 310, 311, 313, 320, 321, 323],
  },
  arm64: {
    audit: 0xc00000b7,
    socket: 198,
    refused: [129, 117, 41, 51, 40, 39, 142, 105, 106, 130, 104, 97, 241, 268, 270, 271, 273, 294, 280, 282],
  },
} as const;

const prctl = libcFunction<(option: number, mode: number, program: Buffer) => number>(
  "int prctl(int option, unsigned long mode, const uint8_t *program)",
);

/** What is left open. */
export interface SeccompOptions {
  /** `true`: internet sockets may be made; `"raw"`: those that are raw, which iptables(8) asks the kernel through. */
  readonly internet: boolean | "raw";
}

/** @throws GarrisonError `GARRISON_SYSCALL`, or `GARRISON_NOT_CONFINED` on an architecture that we do not know */
export function refuseSystemCalls({ internet }: SeccompOptions): void {
  const program = assembleFilter(arch(), internet);
  // struct sock_fprog: len u16, padding, pointer to the instructions.
  const header = Buffer.alloc(16);
  header.writeUInt16LE(program.length / 8, 0);
  header.writeBigUInt64LE(addressOf(program), 8);
  checked(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header), "enter seccomp");
}

/** The filter's instructions, eight bytes each. */
export function assembleFilter(architecture: string, internet: SeccompOptions["internet"]): Buffer {
  const known = architecture === "x64" || architecture === "arm64" ? ARCHITECTURES[architecture] : undefined;
  if (known === undefined) {
    throw new GarrisonError(
      "GARRISON_NOT_CONFINED",
      `Cannot enter seccomp: architecture ${architecture} is not known, expected x64 or arm64`,
    );
  }
  const refused = [...known.refused, ...REFUSED_EVERYWHERE];
  const code: Instruction[] = [
    [BPF_LD_W_ABS, 0, 0, DATA_ARCH],
    [BPF_JEQ_K, 1, 0, known.audit],
    [BPF_RET_K, 0, 0, SECCOMP_RET_KILL_PROCESS],
    [BPF_LD_W_ABS, 0, 0, DATA_NR],
  ];
  const tail = socketRules(known.socket, internet);
  const refuseAt = refused.length + 1 + tail.length + 1;
  code.push([BPF_JGE_K, refuseAt - 1, 0, X32_SYSCALL_BIT]);
  refused.forEach((number, index) => {
    code.push([BPF_JEQ_K, refuseAt - 2 - index, 0, number]);
  });
  code.push(...tail, [BPF_RET_K, 0, 0, SECCOMP_RET_ALLOW], [BPF_RET_K, 0, 0, SECCOMP_RET_ERRNO_EPERM]);
  return encode(code);
}

/** What leads to the two returns behind it: allowed, refused. */
function socketRules(socketNumber: number, internet: SeccompOptions["internet"]): readonly Instruction[] {
  if (internet === true) return [];
  const begin: Instruction[] = [[BPF_LD_W_ABS, 0, 0, DATA_ARG0]];
  if (internet === false) {
    return [[BPF_JEQ_K, 0, 3, socketNumber], ...begin, [BPF_JEQ_K, 1, 0, AF_UNIX], [BPF_JEQ_K, 0, 1, AF_NETLINK]];
  }
  return [
    [BPF_JEQ_K, 0, 8, socketNumber],
    ...begin,
    [BPF_JEQ_K, 6, 0, AF_UNIX],
    [BPF_JEQ_K, 5, 0, AF_NETLINK],
    [BPF_JEQ_K, 1, 0, AF_INET],
    [BPF_JEQ_K, 0, 4, AF_INET6],
    [BPF_LD_W_ABS, 0, 0, DATA_ARG1],
    [BPF_AND_K, 0, 0, SOCK_TYPE_MASK],
    [BPF_JEQ_K, 0, 1, SOCK_RAW],
  ];
}

/** struct sock_filter: code u16, jump if true u8, jump if false u8, k u32. */
type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, k: number];

function encode(code: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(code.length * 8);
  code.forEach(([operation, ifTrue, ifFalse, k], index) => {
    bytes.writeUInt16LE(operation, index * 8);
    bytes.writeUInt8(ifTrue, index * 8 + 2);
    bytes.writeUInt8(ifFalse, index * 8 + 3);
    bytes.writeUInt32LE(k, index * 8 + 4);
  });
  return bytes;
}

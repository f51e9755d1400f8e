/**
 * Reader of the xattr `security.capability`: which capabilities a program gets when it is started. Pure.
 *
 * | offset in struct vfs_ns_cap_data (little-endian) | field |
 * |---|---|
 * | 0 | magic_etc u32: revision in the top byte, bit 0 effective |
 * | 4 | permitted u32, inheritable u32: bits 0 to 31 |
 * | 12 | permitted u32, inheritable u32: bits 32 to 63 (revision 2 and 3) |
 * | 20 | rootid u32 (revision 3) |
 * @see capabilities(7); linux v6.18 include/uapi/linux/capability.h
 */

const REVISION_WORDS = new Map([
  [0x01, 1],
  [0x02, 2],
  [0x03, 2],
]);
const EFFECTIVE = 1;

// Position is the capability's number.
const NAMES = (
  "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service " +
  "net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin " +
  "sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override " +
  "mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
).split(" ");

/**
 * The capabilities in the words of getcap(8), such as `cap_setuid,cap_net_raw=ep`; sets of different letters follow each other.
 * Bytes that are not of that layout come as their hex, because they may be a finding.
 */
export function describeFileCapabilities(value: Buffer): string {
  const words = value.length < 4 ? undefined : REVISION_WORDS.get(value[3]!);
  if (words === undefined || value.length < 4 + words * 8) return `unreadable: ${value.toString("hex")}`;
  const isEffective = (value.readUInt32LE(0) & EFFECTIVE) !== 0;
  const byLetters = new Map<string, string[]>();
  for (let number = 0; number < words * 32; number++) {
    const at = 4 + (number >> 5) * 8;
    const bit = 1 << (number & 31);
    const permitted = (value.readInt32LE(at) & bit) !== 0;
    const letters = `${isEffective && permitted ? "e" : ""}${(value.readInt32LE(at + 4) & bit) !== 0 ? "i" : ""}${permitted ? "p" : ""}`;
    if (letters === "") continue;
    byLetters.set(letters, [...(byLetters.get(letters) ?? []), `cap_${NAMES[number] ?? number}`]);
  }
  return [...byLetters].map(([letters, names]) => `${names.join(",")}=${letters}`).join(" ") || "none";
}

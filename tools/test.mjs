// The whole test run, from a fresh clone: dependencies of the lock file, Debian packages that the tests use as real
// components, type check and lint, then every *.test.ts on the kernel of this machine. Runs on any Node >= 20.
// `node tools/test.mjs PATH...` runs only those test files.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const node = join(root, `node_modules/node-linux-${process.arch}/bin/node`);
const POLICY = "/usr/sbin/policy-rc.d";
// program, or file, that proves the package is there -> package
const COMPONENTS = {
  strace: "strace",
  setpriv: "util-linux",
  ip: "iproute2",
  setfattr: "attr",
  chattr: "e2fsprogs",
  "vim.tiny": "vim-tiny",
  python3: "python3",
  zsh: "zsh",
  tcpdump: "tcpdump",
  "/usr/lib/python3/dist-packages/pyftpdlib/__init__.py": "python3-pyftpdlib",
  "/usr/lib/python3/dist-packages/OpenSSL/__init__.py": "python3-openssl",
  exim4: "exim4-daemon-light",
  nft: "nftables",
  iptables: "iptables",
  ipset: "ipset",
  conntrack: "conntrack",
  "fail2ban-regex": "fail2ban",
  rsyslogd: "rsyslog",
  sshd: "openssh-server",
  ssh: "openssh-client",
  sshpass: "sshpass",
  "/usr/lib/dovecot/imap": "dovecot-imapd",
  vsftpd: "vsftpd",
  apache2: "apache2",
  nginx: "nginx-light",
  "/usr/lib/apache2/modules/mod_security2.so": "libapache2-mod-security2",
  "/usr/share/modsecurity-crs/owasp-crs.load": "modsecurity-crs",
  "/lib/systemd/systemd-journal-remote": "systemd-journal-remote",
};

// Where the packages are unpacked that Debian does not install beside others (of mail and FTP servers it takes one each).
const UNPACKED = join(root, "node_modules/.debian");
// file that proves the package is there -> package
const UNPACKED_COMPONENTS = {
  "usr/lib/postfix/sbin/master": "postfix",
  "usr/sbin/proftpd": "proftpd-core",
  "usr/sbin/pure-ftpd": "pure-ftpd",
};
const LIBRARIES = `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;
// The libraries that those need.
for (const [library, name] of Object.entries({
  "libdb-5.3.so": "libdb5.3",
  "libhiredis.so.0.14": "libhiredis0.14",
  "libicuuc.so.72": "libicu72",
  "libmemcached.so.11": "libmemcached11",
  "libmemcachedutil.so.2": "libmemcachedutil2",
  "libnsl.so.2": "libnsl2",
  "libpcre2-posix.so.3": "libpcre2-posix3",
  "libsasl2.so.2": "libsasl2-2",
  "libsodium.so.23": "libsodium23",
}))
  COMPONENTS[join(LIBRARIES, library)] = name;

/** Runs a program to its end; a failure ends the test run with its exit code. */
function run(program, parameters, options = {}) {
  const { status, error } = spawnSync(program, parameters, { cwd: root, stdio: "inherit", ...options });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

function isInstalled(program) {
  if (program.startsWith("/")) return existsSync(program);
  return ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].some((folder) => existsSync(join(folder, program)));
}

function installDependencies() {
  const lock = join(root, "package-lock.json");
  const stamp = join(root, "node_modules/.garrison-lock");
  if (existsSync(node) && existsSync(stamp) && readFileSync(lock).equals(readFileSync(stamp))) return;
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  copyFileSync(lock, stamp);
}

function unpackComponents() {
  const missing = Object.entries(UNPACKED_COMPONENTS).filter(([file]) => !existsSync(join(UNPACKED, file)));
  if (missing.length === 0) return;
  const folder = mkdtempSync(join(tmpdir(), "garrison-debian-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  run("apt-get", ["update", "-qq"]);
  run("apt-get", ["download", "-qq", "-o", "APT::Sandbox::User=root", ...missing.map(([, name]) => name)], {
    cwd: folder,
  });
  for (const name of readdirSync(folder)) run("dpkg-deb", ["--extract", join(folder, name), UNPACKED]);
}

function installComponents() {
  const missing = Object.entries(COMPONENTS).flatMap(([program, name]) => (isInstalled(program) ? [] : [name]));
  // The pinned Node needs libatomic, which a machine without a compiler lacks.
  if (spawnSync(node, ["--version"]).status !== 0) missing.push("libatomic1");
  if (missing.length === 0) return;
  if (process.getuid() !== 0)
    throw new Error(`Cannot install ${missing.join(" ")}: not root; run apt-get install as root first`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  run("apt-get", ["update", "-qq"], { env });
  withoutStarting(() =>
    run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], {
      env,
      stdio: ["ignore", "ignore", "inherit"],
    }),
  );
}

/** Keeps maintainer scripts from starting daemons: the tests start their own. A policy that is there is left alone. */
function withoutStarting(install) {
  if (existsSync(POLICY)) return install();
  writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  process.once("exit", () => rmSync(POLICY, { force: true }));
  install();
  rmSync(POLICY);
}

installDependencies();
installComponents();
unpackComponents();
const chosen = process.argv.slice(2);
run(node, [join(root, "tools/build.mjs")]);
if (chosen.length === 0) {
  run(node, [join(root, "node_modules/typescript/bin/tsc"), "--noEmit"]);
  run(join(root, "node_modules/.bin/biome"), ["check", "--error-on-warnings", "."]);
}
const files = chosen.length > 0 ? chosen : globTests();
run(node, [
  "--import",
  join(root, "test/property-seed.ts"),
  "--test",
  "--test-concurrency=2",
  "--test-timeout=120000",
  ...files,
]);

function globTests() {
  const list = spawnSync(
    node,
    ["-e", "for (const f of require('fs').globSync('{src,test,bin}/**/*.test.ts')) console.log(f)"],
    { cwd: root },
  );
  return list.stdout.toString().trim().split("\n").sort();
}

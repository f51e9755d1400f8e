/** Clients that speak what attackers and customers speak, from an address of their choice. They run in the world's namespace. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { setImmediate, setTimeout } from "node:timers/promises";

/** From where to where. */
export interface Route {
  /** Any address of the world. */
  readonly from: string;
  readonly to: string;
  readonly port: number;
}

/** A login. */
export interface Login extends Route {
  readonly user: string;
  readonly password: string;
  /** What a mail client calls itself. @default client.example */
  readonly greeting?: string;
}

/** What came of a login. `unreachable`: the connection could not be made, or was given up. */
export type Answer = "accepted" | "refused" | "unreachable";

/** A request for a web server. */
export interface WebRequest extends Route {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

// A SYN that is dropped is sent again after 1 s: less than that is one try, and no packet needs so long on a wire in memory.
const CONNECT_MS = 800;
const ANSWER_MS = 10_000;

/** discard: nothing listens there. */
export const CLOSED_PORT = 9;

/** A connection. `null` when it could not be made: refused, or no answer in time. */
export async function open(route: Route): Promise<Socket | null> {
  const answer = await reach(route);
  return typeof answer === "string" ? null : answer;
}

/**
 * Whether packets are dropped, by a port where nothing listens: a server that gets the packet says so at once, and no daemon notes it.
 * @throws Error when something listens there
 */
export async function isDropped(route: Route): Promise<boolean> {
  const answer = await reach(route);
  if (typeof answer === "string") return answer === "silent";
  answer.destroy();
  throw new Error(`Cannot tell whether ${route.from} is dropped: port ${route.port} is open, a closed one is wanted`);
}

async function reach({ from, to, port }: Route): Promise<Socket | "refused" | "silent"> {
  const socket = connect({ host: to, port, localAddress: from });
  // An error of later ends the connection, which whoever has it sees.
  socket.on("error", () => socket.destroy());
  const connected = once(socket, "connect").then(
    () => socket,
    () => "refused" as const,
  );
  const answer = await Promise.race([connected, silence()]);
  if (answer === "silent") socket.destroy();
  return answer;
}

async function silence(): Promise<"silent"> {
  await setTimeout(CONNECT_MS);
  // What has come meanwhile goes first: a busy machine is no firewall.
  await setImmediate();
  return "silent";
}

/** Login by IMAP's LOGIN. */
export function imap(login: Login): Promise<Answer> {
  const quote = (text: string): string => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
  return converse(login, [
    [/^\* OK/m, `a LOGIN ${quote(login.user)} ${quote(login.password)}`],
    [/^a (?:OK|NO|BAD)/m, "b LOGOUT"],
  ]);
}

/** Login by SMTP's AUTH PLAIN. */
export function smtp(login: Login): Promise<Answer> {
  const secret = Buffer.from(`\0${login.user}\0${login.password}`).toString("base64");
  return converse(login, [
    [/^220 /m, `EHLO ${login.greeting ?? "client.example"}`],
    [/^250 /m, `AUTH PLAIN ${secret}`],
    [/^(?:235|[45]\d\d) /m, "QUIT"],
  ]);
}

/** Login by FTP's USER and PASS. */
export function ftp(login: Login): Promise<Answer> {
  return converse(login, [
    [/^220 /m, `USER ${login.user}`],
    [/^331 /m, `PASS ${login.password}`],
    [/^(?:230|[45]\d\d) /m, "QUIT"],
  ]);
}

/** Says each line once its pattern was read; the last pattern's answer tells. */
async function converse(route: Route, steps: readonly (readonly [RegExp, string])[]): Promise<Answer> {
  const socket = await open(route);
  if (socket === null) return "unreachable";
  try {
    let answer = "";
    for (const [awaited, line] of steps) {
      answer = await read(socket, awaited);
      socket.write(`${line}\r\n`);
    }
    return /^(?:a OK|235|230)/.test(answer) ? "accepted" : "refused";
  } catch {
    return "unreachable";
  } finally {
    socket.end();
    socket.destroySoon();
  }
}

/** What matches, once it was read. @throws Error when the connection ends, or nothing that matches comes in time */
async function read(socket: Socket, awaited: RegExp): Promise<string> {
  let text = "";
  const signal = AbortSignal.timeout(ANSWER_MS);
  const ended = new AbortController();
  socket.once("close", () => ended.abort());
  for (;;) {
    const found = awaited.exec(text)?.[0];
    if (found !== undefined) return found;
    const [chunk] = (await once(socket, "data", { signal: AbortSignal.any([signal, ended.signal]) })) as [Buffer];
    text += chunk.toString("latin1");
  }
}

/** Status of the answer to a request; `null` when there was none. */
export async function web({
  from,
  to,
  port,
  method,
  path,
  headers = {},
  body = "",
}: WebRequest): Promise<number | null> {
  const socket = await open({ from, to, port });
  if (socket === null) return null;
  const asked = request({
    createConnection: () => socket,
    method,
    path,
    headers: { host: "web1.example.net", ...headers },
  });
  asked.setTimeout(ANSWER_MS, () => asked.destroy());
  asked.end(body);
  try {
    const [response] = (await once(asked, "response")) as [import("node:http").IncomingMessage];
    response.resume();
    return response.statusCode!;
  } catch {
    return null;
  } finally {
    socket.destroySoon();
  }
}

/** Login by HTTP's basic authentication. */
export async function basic(login: Login): Promise<Answer> {
  const secret = Buffer.from(`${login.user}:${login.password}`).toString("base64");
  const status = await web({ ...login, method: "GET", path: "/admin", headers: { authorization: `Basic ${secret}` } });
  if (status === null) return "unreachable";
  return status === 401 ? "refused" : "accepted";
}

/** Login by WordPress's form. */
export async function wordpress(login: Login): Promise<Answer> {
  const body = new URLSearchParams({ log: login.user, pwd: login.password }).toString();
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    "content-length": String(body.length),
  };
  const status = await web({ ...login, method: "POST", path: "/wp-login.php", headers, body });
  if (status === null) return "unreachable";
  return status === 302 ? "accepted" : "refused";
}

/** Login by OpenSSH's client with a password. */
export async function ssh(login: Login): Promise<Answer> {
  if (await isDropped({ ...login, port: CLOSED_PORT })) return "unreachable";
  const child = startSsh(login, "true");
  let said = "";
  child.stderr!.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code === 0) return "accepted";
  return said.includes("Permission denied") ? "refused" : "unreachable";
}

/** OpenSSH's client with a command for the other side, which has a terminal there when `more` asks for it. */
export function startSsh(
  { from, to, port, user, password }: Login,
  command: string,
  more: readonly string[] = [],
): ChildProcess {
  const options = {
    BindAddress: from,
    Port: String(port),
    User: `"${user.replaceAll(/["\\]/g, "\\$&")}"`,
    ConnectTimeout: "10",
    NumberOfPasswordPrompts: "1",
    PreferredAuthentications: "password",
    StrictHostKeyChecking: "no",
    UserKnownHostsFile: "/dev/null",
    LogLevel: "ERROR",
  };
  const words = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  return spawn("sshpass", ["-e", "ssh", "-F", "none", ...words, ...more, to, command], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { PATH: "/usr/bin:/bin", SSHPASS: password },
  });
}

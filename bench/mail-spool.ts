/** Spools of a given size for measurements, written as Exim 4.96 and Postfix 3.7 write them. */
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const BASE_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** A split spool of Exim. One message in ten is frozen, one in twenty a bounce; 200 accounts, one of which has sent half. */
export function writeEximSpool(folder: string, messages: number): void {
  const now = Math.floor(Date.now() / 1000);
  const made = new Set<string>();
  for (let index = 0; index < messages; index++) {
    const at = now - 86_400 + (index % 86_400);
    const id = `${base62(at, 6)}-${base62(index, 6)}-${base62(index % 3800, 2)}`;
    const inside = join(folder, "input", id[5] ?? "0");
    if (!made.has(inside)) mkdirSync(inside, { recursive: true, mode: 0o750 });
    made.add(inside);
    writeFileSync(join(inside, `${id}-D`), `${id}-D\nhello\n`, { mode: 0o640 });
    writeFileSync(join(inside, `${id}-H`), eximHeader(id, at, index), { mode: 0o640 });
  }
}

/** A header file. */
export function eximHeader(id: string, at: number, index: number): string {
  const account = index % 2 === 0 ? 7 : index % 200;
  const login = `u${account}`;
  const isBounce = index % 20 === 3;
  const sender = isBounce ? "" : `${login}@site${account}.example`;
  const headers = [
    [
      "P",
      `Received: from ${login} by web1.example.net with local (Exim 4.96)\n\t(envelope-from <${sender}>)\n\tid ${id};\n\tTue, 24 Nov 2026 12:00:00 +0000\n`,
    ],
    ["T", `To: r${index}@grey.example.org\n`],
    [" ", `Subject: hello ${index}\n`],
    [" ", `X-PHP-Script: site${account}.example/wp-content/plugins/x/mailer.php for 198.51.100.23\n`],
    ["I", `Message-Id: <E${id}@web1.example.net>\n`],
    ["F", `From: ${sender}\n`],
    [" ", "Date: Tue, 24 Nov 2026 12:00:00 +0000\n"],
  ] as const;
  return [
    `${id}-H`,
    isBounce ? "Debian-exim 102 105" : `${login} ${2000 + account} ${2000 + account}`,
    `<${sender}>`,
    `${at} 0`,
    "-received_time_usec .255521",
    `-received_time_complete ${at}.255692`,
    ...(isBounce ? ["-ident Debian-exim"] : [`-ident ${login}`]),
    "-received_protocol local",
    "-body_linecount 1",
    "-max_received_linelength 77",
    ...(isBounce ? [] : [`-auth_id ${login}`, `-auth_sender ${sender}`]),
    ...(index % 10 === 0 ? [`-frozen ${at + 60}`] : []),
    isBounce ? "-localerror" : "-local",
    "XX",
    "1",
    `r${index}@grey.example.org`,
    "",
    headers.map(([letter, text]) => `${String(text.length).padStart(3, "0")}${letter} ${text}`).join(""),
  ].join("\n");
}

/** A deferred queue of Postfix with short ids, hashed one level. */
export function writePostfixSpool(folder: string, messages: number): void {
  for (const queue of ["maildrop", "incoming", "active", "hold"])
    mkdirSync(join(folder, queue), { recursive: true, mode: 0o700 });
  for (const digit of "0123456789ABCDEF") mkdirSync(join(folder, "deferred", digit), { recursive: true, mode: 0o700 });
  const now = Math.floor(Date.now() / 1000);
  for (let index = 0; index < messages; index++) {
    const hex = index.toString(16).toUpperCase().padStart(5, "0");
    const id = `${[...hex].reverse().join("")}${(index + 0x10000).toString(16).toUpperCase()}`;
    const path = join(folder, "deferred", id[0] ?? "0", id);
    writeFileSync(path, postfixFile(id, now - (index % 86_400), index), { mode: 0o700 });
    // The next attempt: tomorrow, so that a Postfix that lists it leaves it alone.
    utimesSync(path, now + 86_400, now + 86_400);
  }
}

/** A queue file. */
export function postfixFile(id: string, at: number, index: number): Buffer {
  const uid = 2000 + (index % 2 === 0 ? 7 : index % 200);
  const sender = index % 20 === 3 ? "" : `u${uid}@site${uid}.example`;
  const message = [
    `Received: by web1.example.net (Postfix, from userid ${uid})`,
    `\tid ${id}; Tue, 24 Nov 2026 12:00:00 +0000 (UTC)`,
    `To: r${index}@grey.example.org`,
    `Subject: hello ${index}`,
    `X-PHP-Originating-Script: ${uid}:mailer.php`,
    `From: ${sender}`,
    "",
    "hello",
  ];
  const bytes = message.join("\n").length + 1;
  const envelope = [
    record("T", `${at} 380126`),
    record("A", `create_time=${at}`),
    record("A", "rewrite_context=local"),
    record("S", sender),
    record("A", "dsn_orig_rcpt=rfc822;x@example.org"),
    record("O", `r${index}@grey.example.org`),
    record("R", `r${index}@grey.example.org`),
    record("M", ""),
  ];
  const offset = 97 + envelope.reduce((total, one) => total + one.length, 0);
  const numbers = [bytes, offset, 1, 0, bytes, 0].map((value) => String(value).padStart(15)).join(" ");
  return Buffer.concat([
    record("C", numbers),
    ...envelope,
    ...message.map((line) => record("N", line)),
    record("X", ""),
    record("E", ""),
  ]);
}

function record(type: string, text: string): Buffer {
  const data = Buffer.from(text, "latin1");
  const length = data.length < 0x80 ? [data.length] : [(data.length & 0x7f) | 0x80, data.length >> 7];
  return Buffer.concat([Buffer.from(type), Buffer.from(length), data]);
}

/** A number in Exim's digits. */
export function base62(value: number, digits: number): string {
  let text = "";
  for (let left = value; text.length < digits; left = Math.floor(left / 62)) text = `${BASE_62[left % 62]}${text}`;
  return text;
}

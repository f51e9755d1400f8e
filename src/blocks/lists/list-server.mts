/** Helper of tests: a web server whose answer a test changes. Not shipped (`.mts`). */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

/** What the server does with a request. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on loopback; closed when the test has ended. */
export class ListServer {
  readonly requests: IncomingMessage[] = [];
  readonly url: string;
  answer: Answer;

  private constructor(url: string, answer: Answer) {
    this.url = url;
    this.answer = answer;
  }

  static async start(t: TestContext, answer: Answer): Promise<ListServer> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const self = new ListServer(`http://127.0.0.1:${port}/list.txt`, answer);
    server.on("request", (request, response) => {
      self.requests.push(request);
      self.answer(request, response);
    });
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    return self;
  }
}

/** Answers with a text and an ETag made of it, or 304 to who has it. */
export function textAnswer(text: string): Answer {
  const etag = `"${text.length}-${text.slice(0, 20).replace(/\W/g, "")}"`;
  return (request, response) => {
    if (request.headers["if-none-match"] === etag) response.writeHead(304).end();
    else response.writeHead(200, { "content-type": "text/plain", etag }).end(text);
  };
}

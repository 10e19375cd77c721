import { connect, type Socket } from "node:net";

export interface Answer {
  status: number;
  /** Of the connection, in lower case; what HTTP/1.1 means without the header is "keep-alive". */
  connection: string;
  head: string;
  body: string;
}

/** One HTTP/1.1 connection, under the test's full control. Answers need a Content-Length. */
export interface Client {
  socket: Socket;
  /** Sends one request, or more of them at once. */
  send: (...paths: string[]) => void;
  /** The next answer, in the order of the requests. Rejects when the connection ends before it. */
  next: () => Promise<Answer>;
  ask: (path: string) => Promise<Answer>;
  closed: Promise<void>;
}

export const openClient = async (where: { port: number; host?: string } | { path: string }): Promise<Client> => {
  const socket = connect("path" in where ? where : { host: "127.0.0.1", ...where });
  let received = "";
  let ended = false;
  const answers: Answer[] = [];
  const waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void }[] = [];

  socket.setEncoding("latin1").on("data", (text: string) => {
    received += text;
    for (;;) {
      const headEnd = received.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const head = received.slice(0, headEnd);
      const end = headEnd + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (received.length < end) return;
      const connection = /\r\nconnection: ([^\r]*)/i.exec(head)?.[1]?.toLowerCase() ?? "keep-alive";
      const answer = { status: Number(head.slice(9, 12)), connection, head, body: received.slice(headEnd + 4, end) };
      received = received.slice(end);
      const waiter = waiting.shift();
      if (waiter) waiter.resolve(answer);
      else answers.push(answer);
    }
  });
  const closed = new Promise<void>((resolve) => {
    const end = (): void => {
      ended = true;
      for (const { reject } of waiting.splice(0)) reject(new Error("the connection ended before the answer"));
      resolve();
    };
    socket.on("end", end).on("close", end).on("error", end);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });

  const send = (...paths: string[]): void => {
    socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`).join(""));
  };
  const next = async (): Promise<Answer> => {
    const answer = answers.shift();
    if (answer) return answer;
    if (ended) throw new Error("the connection has ended");
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  };
  return { socket, send, next, ask: (path) => (send(path), next()), closed };
};

import { mkdtempSync, rmSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * What is done with a call: answered, refused with an error, lost with the peer that was to answer it, left unanswered, or
 * the connection is closed.
 */
export type Answer = "answer" | "refuse" | "lose" | "ignore" | "close";

/** A number as four bytes. */
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
/** A text as D-Bus writes it. */
const text = (value: string): Buffer => Buffer.concat([u32(value.length), Buffer.from(`${value}\0`)]);
const signature = (value: string): Buffer => Buffer.from(`${String.fromCharCode(value.length)}${value}\0`, "latin1");
const align = (bytes: Buffer, to: number): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & (to - 1))]);

/** A header field: its code, its type, its value. */
const field = (code: number, type: string, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from([code]), signature(type), value]);

/** A whole message: 2 is an answer, 3 an error, 4 a signal. */
const message = (type: number, serial: number, fields: readonly Buffer[], body: Buffer): Buffer => {
  let all = Buffer.alloc(0);
  for (const one of fields) all = Buffer.concat([align(all, 8), one]);
  const head = Buffer.concat([Buffer.from([0x6c, type, 1, 1]), u32(body.length), u32(serial), u32(all.length), all]);
  return Buffer.concat([align(head, 8), body]);
};

/** The unique name of the manager on it. */
const MANAGER = ":1.5";

const bodies: Record<string, [string, Buffer]> = {
  Hello: ["s", text(":1.1")],
  GetNameOwner: ["s", text(MANAGER)],
  // Both properties that are asked for are this text: what the start of the manager is does not matter here.
  Get: ["v", Buffer.concat([align(signature("s"), 4), text("252")])],
};

/** A bus with a manager on it, of which only as much is true as `Manager.open` asks for. */
export class FakeBus {
  readonly address: string;
  /** Connections that there have been. */
  accepted = 0;
  /** What is done with a call of a method on the connection of that number, counted from 1. */
  answer: (member: string, connection: number) => Answer = () => "answer";
  /** What is done with a connection at its beginning. */
  welcome: "accept" | "ignore" | "close" = "accept";
  readonly #open = new Set<Socket>();
  readonly #directory = mkdtempSync(join(tmpdir(), "velos-bus-"));
  readonly #server: Server;

  constructor() {
    const path = join(this.#directory, "bus");
    this.address = `unix:path=${path}`;
    this.#server = createServer((socket) => this.#accept(socket)).listen(path);
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#open.size;
  }

  /** Closes every connection there is. */
  drop(): void {
    for (const socket of this.#open) socket.destroy();
  }

  /** Tells all that are connected that an instance unit is no longer loaded: the manager does, or somebody else. */
  removed(unit: string, sender = MANAGER): void {
    const path = "/org/freedesktop/systemd1";
    const fields = [
      field(1, "o", text(path)),
      field(2, "s", text("org.freedesktop.systemd1.Manager")),
      field(3, "s", text("UnitRemoved")),
      field(7, "s", text(sender)),
      field(8, "g", signature("so")),
    ];
    const body = Buffer.concat([align(text(unit), 4), text(path)]);
    for (const socket of this.#open) socket.write(message(4, 1, fields, body));
  }

  close(): void {
    this.drop();
    this.#server.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #accept(socket: Socket): void {
    const connection = ++this.accepted;
    this.#open.add(socket);
    socket.on("close", () => this.#open.delete(socket)).on("error", () => {});
    if (this.welcome === "close") socket.destroy();
    // Unread, its end would not be noticed.
    if (this.welcome === "ignore") socket.resume();
    if (this.welcome !== "accept") return;
    let input = Buffer.alloc(0);
    let isIn = false;
    socket.on("data", (chunk) => {
      input = Buffer.concat([input, chunk]);
      for (let end = input.indexOf("\r\n"); !isIn && end >= 0; end = input.indexOf("\r\n")) {
        const line = input.toString("latin1", 0, end);
        input = input.subarray(end + 2);
        if (line === "BEGIN") isIn = true;
        else socket.write("OK 0123456789abcdef0123456789abcdef\r\n");
      }
      while (isIn && input.length >= 16) {
        const begin = (16 + input.readUInt32LE(12) + 7) & ~7;
        const length = begin + input.readUInt32LE(4);
        if (input.length < length) return;
        this.#reply(socket, connection, input.readUInt32LE(8), input.toString("latin1", 16, begin));
        input = input.subarray(length);
      }
    });
  }

  #reply(socket: Socket, connection: number, serial: number, header: string): void {
    // The fields are a code, a type and a text: 3 is the name of the method.
    const [, member = ""] = /\x03\x01s\0....(\w+)/s.exec(header) ?? [];
    const answer = this.answer(member, connection);
    if (answer === "close") socket.destroy();
    if (answer === "ignore" || answer === "close") return;
    const to = field(5, "u", u32(serial));
    if (answer === "refuse" || answer === "lose") {
      const name = `org.freedesktop.DBus.Error.${answer === "refuse" ? "Failed" : "NoReply"}`;
      socket.write(message(3, serial, [to, field(4, "s", text(name))], Buffer.alloc(0)));
      return;
    }
    const [type, body] = bodies[member] ?? ["", Buffer.alloc(0)];
    socket.write(message(2, serial, [to, ...(type ? [field(8, "g", signature(type))] : [])], body));
  }
}

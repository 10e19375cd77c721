import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isOwnHost, isOwnPage } from "../../src/http/access/origin.ts";
import { findUid, isLoopback, peerUid } from "../../src/http/access/peer.ts";
import { shownToken, Tokens } from "../../src/http/access/tokens.ts";
import { WrongTokens } from "../../src/http/access/wrong-tokens.ts";

const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const row = (local: string, remote: string, state: string, uid: number, inode: number): string =>
  `   1: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 ${inode} 1 0000000000000000 20 4 30 10 -1\n`;

describe("the user at the other end", () => {
  const peer = { address: "127.0.0.1", port: 0xabcd };
  const own = { address: "127.0.0.1", port: 3100 };
  const uid = (...rows: string[]) => findUid([HEAD + rows.join(""), HEAD], peer, own);
  const ends = ["0100007F:ABCD", "0100007F:0C1C"] as const;

  it("is read from the peer's own line, in each form of the address", () => {
    expect(uid(row("0100007F:0C1C", "0100007F:ABCD", "01", 0, 7), row(...ends, "01", 1000, 8))).toBe(1000);
    const six = "0000000000000000FFFF00000100007F";
    expect(
      findUid(
        ["", HEAD + row(`${six}:ABCD`, `${six}:0C1C`, "01", 33, 9)],
        { ...peer, address: "::ffff:127.0.0.1" },
        own,
      ),
    ).toBe(33);
    const loopback = "00000000000000000000000001000000";
    const at6 = { address: "::1", port: 0xabcd };
    expect(
      findUid(["", HEAD + row(`${loopback}:ABCD`, `${loopback}:0C1C`, "08", 5, 9)], at6, { ...own, address: "::1" }),
    ).toBe(5);
  });

  it("is nobody where the socket has no owner: the kernel says 0 of those", () => {
    for (const state of ["02", "03", "06", "07", "0A"]) expect(uid(row(...ends, state, 0, 5)), state).toBeUndefined();
    for (const state of ["01", "04", "05", "08"]) expect(uid(row(...ends, state, 0, 0)), state).toBeUndefined();
    expect(uid(row("0100007F:ABCE", "0100007F:0C1C", "01", 1000, 8))).toBeUndefined();
  });

  it("is root only when it is root twice", async () => {
    const socket = { remoteAddress: "127.0.0.1", remotePort: 0xabcd, localAddress: "127.0.0.1", localPort: 3100 };
    const tables = (texts: string[]) => async () => [texts.shift() ?? ""];
    const root = HEAD + row(...ends, "01", 0, 8);
    expect(await peerUid(socket as never, tables([root, root]))).toBe(0);
    expect(await peerUid(socket as never, tables([root, HEAD + row(...ends, "04", 0, 0)]))).toBeUndefined();
    expect(await peerUid({ ...socket, remoteAddress: "10.0.0.1" } as never, tables([root, root]))).toBeUndefined();
  });

  it("is asked for on loopback addresses only", () => {
    for (const address of ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]) expect(isLoopback(address)).toBe(true);
    for (const address of ["10.0.0.1", "::", "::2", "1.127.0.0.1", "::ffff:10.0.0.1", ""])
      expect(isLoopback(address)).toBe(false);
  });
});

describe("tokens", () => {
  const tokens = new Tokens([
    { name: "a", access: "read", token: "first" },
    { name: "b", access: "admin", token: "second" },
  ]);

  it("are found whole, and in no other way", () => {
    expect(tokens.find("second")).toEqual({ name: "b", access: "admin" });
    fc.assert(
      fc.property(fc.string(), (text) => text === "first" || text === "second" || tokens.find(text) === undefined),
    );
  });

  it("are shown in the header or in a subprotocol", () => {
    expect(shownToken({ authorization: "bearer  abc" })).toBe("abc");
    expect(shownToken({ authorization: "Basic abc" })).toBeUndefined();
    const carried = (token: string) => ({
      "sec-websocket-protocol": `velos.v1, velos.bearer.${Buffer.from(token).toString("base64url")}`,
    });
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "grapheme" }), (token) => shownToken(carried(token)) === token),
    );
  });
});

describe("pages", () => {
  it("of this server and of listed origins may ask", () => {
    const listed = new Set(["https://ops.example.com"]);
    const page = (origin: string, host: string) => isOwnPage({ origin, host }, listed);
    expect(page("http://localhost:3100", "localhost:3100")).toBe(true);
    expect(page("https://velos.example.com", "velos.example.com")).toBe(true);
    expect(page("https://ops.example.com", "velos.example.com")).toBe(true);
    expect(page("https://ops.example.com.evil.example", "velos.example.com")).toBe(false);
    expect(page("http://localhost:3000", "localhost:3100")).toBe(false);
    expect(page("null", "localhost")).toBe(false);
    expect(page("file://localhost:3100", "localhost:3100")).toBe(false);
    expect(isOwnPage({ host: "localhost" }, listed)).toBe(true);
    expect(isOwnPage({ host: "localhost", "sec-fetch-site": "same-site" }, listed)).toBe(false);
    expect(isOwnPage({ host: "localhost", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }, listed)).toBe(
      true,
    );
  });

  it("call by a name of this server", () => {
    const names = new Set(["velos.example.com"]);
    for (const host of ["localhost", "127.0.0.1:3100", "[::1]:3100", "10.1.2.3", "Velos.Example.com.", "LOCALHOST:80"])
      expect(isOwnHost(host, names), host).toBe(true);
    for (const host of [
      undefined,
      "",
      "evil.example",
      "localhost.evil.example",
      "127.0.0.1.evil.example",
      "a b",
      "localhost:x",
    ])
      expect(isOwnHost(host, names), host).toBe(false);
  });
});

describe("wrong tokens", () => {
  const OTHERS = "10.0.0.2";
  const isHeard = (tokens: WrongTokens, address: string, client?: string): boolean => {
    try {
      tokens.shown(address, client);
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: "TOO_MANY_REQUESTS" });
      return false;
    }
  };

  it("shut an address out for the rest of the minute, also when it has guessed right by then", () => {
    let now = 0;
    const tokens = new WrongTokens(() => now);
    const heard = Array.from({ length: 1000 }, () => isHeard(tokens, "10.0.0.1"));
    expect(heard.filter(Boolean)).toHaveLength(30);
    expect(isHeard(tokens, "10.0.0.1", "admin")).toBe(false);
    expect(isHeard(tokens, OTHERS, "admin")).toBe(true);
    now = 60_000;
    expect(isHeard(tokens, "10.0.0.1", "admin")).toBe(true);
  });

  it("of one do not shut out who was there before, as behind a proxy", () => {
    const tokens = new WrongTokens(() => 0);
    expect(isHeard(tokens, "10.0.0.1", "dashboard")).toBe(true);
    for (let attempt = 0; attempt < 100; attempt++) isHeard(tokens, "10.0.0.1");
    expect(isHeard(tokens, "10.0.0.1", "dashboard")).toBe(true);
    expect(isHeard(tokens, "10.0.0.1", "admin")).toBe(false);
  });

  it("of very many addresses are not all remembered", () => {
    const tokens = new WrongTokens(() => 0);
    for (let attempt = 0; attempt < 100; attempt++) isHeard(tokens, "10.0.0.1");
    for (let address = 0; address < 10_000; address++) isHeard(tokens, `2001:db8::${address.toString(16)}`);
    expect(isHeard(tokens, "10.0.0.1", "admin")).toBe(true);
  });
});

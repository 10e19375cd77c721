import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { systemAccounts } from "../../src/config/accounts.ts";

it("finds accounts by name and by number", async () => {
  const directory = await mkdtemp(join(tmpdir(), "velos-accounts-"));
  await writeFile(
    join(directory, "passwd"),
    "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/bin/false\nodd:x:7:7:::\n",
  );
  await writeFile(join(directory, "group"), "root:x:0:\nwww-data:x:33:a,b\n");
  const { user, group } = systemAccounts(directory);
  expect(await user("www-data")).toEqual({ name: "www-data", uid: 33, home: "/var/www" });
  expect(await user("0")).toEqual({ name: "root", uid: 0, home: "/root" });
  expect(await user("odd")).toEqual({ name: "odd", uid: 7, home: "/" });
  expect(await user("nobody-here")).toBeUndefined();
  expect(await user("")).toBeUndefined();
  expect(await group("33")).toEqual({ name: "www-data", gid: 33 });
  expect(await group("www")).toBeUndefined();
});

it("asks this machine", async () => {
  const { user, group } = systemAccounts();
  expect(await user("root")).toMatchObject({ uid: 0 });
  expect(await group("0")).toMatchObject({ gid: 0 });
  expect(await user("no-such-user-here")).toBeUndefined();
  expect(await user("--help")).toBeUndefined();
});

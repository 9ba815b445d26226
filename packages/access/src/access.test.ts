import {
  actorKeyFor,
  allows,
  covers,
  anonymous,
  isPermission,
  may,
  permissionsOf,
  permissionsOfRoles,
  requirePermission,
  requireWorkspace,
  signActor,
  systemActor,
  verifyActor,
  type Actor,
} from ".";

const ada: Actor = {
  kind: "USER",
  userId: "usr_ada",
  sessionId: "ses_1",
  organizationId: "org_1",
  workspaceId: "wsp_1",
  permissions: ["knowledge:*", "chatbots:read"],
};

describe("permissions", () => {
  test("a pattern covers what it names, and nothing more", () => {
    expect(allows(["knowledge:*"], "knowledge:delete")).toBe(true);
    expect(allows(["*:read"], "knowledge:read")).toBe(true);
    expect(allows(["*:read"], "knowledge:write")).toBe(false);
    expect(allows(["knowledge:read"], "knowledge:write")).toBe(false);
    expect(allows(["know:*"], "knowledge:read")).toBe(false);
    expect(allows([], "knowledge:read")).toBe(false);
    expect(allows(["*"], "billing:update")).toBe(true);
  });

  test("one set of permissions covers another when it allows all that the other allows", () => {
    expect(covers(["*"], ["knowledge:*"])).toBe(true);
    expect(covers(["knowledge:*"], ["knowledge:read", "knowledge:write"])).toBe(true);
    expect(covers(["knowledge:read", "knowledge:write", "knowledge:delete"], ["knowledge:*"])).toBe(true);
    expect(covers(["knowledge:read"], ["knowledge:*"])).toBe(false);
    expect(covers([], [])).toBe(true);
  });

  test("only names of the table are permissions", () => {
    for (const text of ["*", "knowledge:*", "*:read", "*:*", "knowledge:read"]) expect(isPermission(text)).toBe(true);
    for (const text of ["", "knowledge", "knowledge:fly", "toString:*", "a:b:c", "*:fly"])
      expect(isPermission(text)).toBe(false);
  });

  test("an administrator may do all but billing, ownership and deletion", () => {
    const admin = permissionsOfRoles("admin", null);
    for (const denied of ["billing:read", "billing:update", "organization:delete", "organization:transfer"])
      expect(allows(admin, denied)).toBe(false);
    expect(allows(admin, "members:invite")).toBe(true);
  });

  test("rights in a workspace are the union of both roles, and an unknown role grants nothing", () => {
    expect(permissionsOf(permissionsOfRoles("member", "apprentice"))).toEqual(
      ["workspaces:read", "projects:read", "daily_logs:read", "forms:read"].sort(
        (a, b) => permissionsOf(["*"]).indexOf(a as never) - permissionsOf(["*"]).indexOf(b as never),
      ),
    );
    expect(permissionsOfRoles("emperor", "toString")).toEqual([]);
  });
});

describe("actors", () => {
  test("an actor may do what its permissions cover; nobody may do anything", () => {
    expect(may(ada, "knowledge:write")).toBe(true);
    expect(may(ada, "chatbots:write")).toBe(false);
    expect(may(anonymous, "knowledge:read")).toBe(false);
    expect(() => requirePermission(anonymous, "knowledge:read")).toThrow("Sign in first.");
    expect(() => requirePermission(ada, "chatbots:write")).toThrow("This needs the permission chatbots:write.");
  });

  test("a workspace is required where one is needed", () => {
    expect(requireWorkspace(ada).workspaceId).toBe("wsp_1");
    expect(() => requireWorkspace({ ...ada, workspaceId: null } as Actor)).toThrow("Choose a workspace first");
    expect(() => requireWorkspace(systemActor("knowledge", { organizationId: "org_1" }))).toThrow();
  });
});

describe("signed actors", () => {
  const key = actorKeyFor("knowledge", "secret");
  const body = '{"query":"{ viewer { id } }"}';
  const header = signActor(ada, { audience: "knowledge", body, key });

  test("the subgraph that an actor was signed for reads it back", () => {
    expect(verifyActor(header, { audience: "knowledge", body, key })).toEqual(ada);
  });

  test.each([
    ["for another subgraph", { audience: "chat" }],
    ["with another body", { body: '{"query":"mutation { deleteEverything }"}' }],
    ["with another subgraph's key", { key: actorKeyFor("chat", "secret") }],
    ["a minute later", { now: Date.now() + 60_000 }],
  ])("%s, it is nobody's", (_, changed) => {
    expect(verifyActor(header, { audience: "knowledge", body, key, ...changed })).toBeNull();
  });

  test.each([
    ["no header", undefined],
    ["an empty one", ""],
    ["claims without a signature", header.split(".")[0]],
    [
      "claims that were changed",
      `${Buffer.from('{"actor":{"kind":"SYSTEM"}}').toString("base64url")}.${header.split(".")[1]}`,
    ],
    ["rubbish", "%%%.###"],
  ])("%s is nobody's", (_, given) => {
    expect(verifyActor(given, { audience: "knowledge", body, key })).toBeNull();
  });
});

import type { Actor } from "@atrium/access";
import { dataOf, errorsOf, givenPlace, memberOf, nobody, startTestPrivacy, until, type Privacy } from "../testing";
import { receiveErasedPart } from "./progress";

let privacy: Privacy;
beforeAll(async () => {
  privacy = await startTestPrivacy();
});
afterAll(() => privacy.stop());
beforeEach(() => {
  privacy.chat.answers = privacy.identity.answers = true;
});

const askCode = async (actor: Actor) =>
  dataOf(await privacy.run(actor, "mutation { requestErasureCode { expiresAt userErrors { code } } }"))
    .requestErasureCode;
const codeOf = (userId: string) => /\b\d{6}\b/.exec(privacy.mails.findLast((mail) => mail.userId === userId)!.text)![0];
const request = async (actor: Actor, verificationCode: string, reason: string | null = null) =>
  dataOf(
    await privacy.run(
      actor,
      `mutation ($input: RequestErasureInput!) { requestErasure(input: $input) {
        erasure { id } gracePeriodEnds cancellationToken userErrors { code path } } }`,
      { input: { verificationCode, reason } },
    ),
  ).requestErasure;
const cancel = async (token: string, actor: Actor = nobody) =>
  dataOf(
    await privacy.run(
      actor,
      "mutation ($token: String!) { cancelErasure(input: { token: $token }) { erasure { status } userErrors { code } } }",
      { token },
    ),
  ).cancelErasure;
const read = `query ($id: ID!, $token: String) { erasure(id: $id, token: $token) {
  status reason certificate parts { service status erased retained reason } } }`;
const seen = async (actor: Actor, id: string, token?: string) =>
  dataOf(await privacy.run(actor, read, { id, token })).erasure;
const another = (code: string) => (code === "000000" ? "111111" : "000000");

async function givenErasure(actor: Actor & { userId: string }, reason: string | null = null) {
  await askCode(actor);
  const { erasure, cancellationToken } = await request(actor, codeOf(actor.userId), reason);
  return { id: erasure.id as string, token: cancellationToken as string };
}
const graceMinutes = 30 * 24 * 60;
const stored = (userId: string) => privacy.rows("select * from erasure where user_id = $1", [userId]);

describe("the code", () => {
  test("is mailed, rests as a keyed hash, and works once within fifteen minutes", async () => {
    const ada = memberOf(givenPlace(), []);
    const answer = await askCode(ada);
    const code = codeOf(ada.userId);
    expect(JSON.stringify(answer)).not.toContain(code);
    const [row] = await privacy.rows<{ text: string }>(
      "select t::text as text from erasure_code t where user_id = $1",
      [ada.userId],
    );
    expect(row!.text).not.toContain(code);
    expect(Date.parse(answer.expiresAt) - privacy.clock.now.getTime()).toBe(15 * 60_000);
    await privacy.pass(15);
    expect(await request(ada, code)).toMatchObject({ erasure: null, userErrors: [{ code: "NO_CODE" }] });
    expect(await stored(ada.userId)).toEqual([]);
    await askCode(ada);
    expect((await request(ada, codeOf(ada.userId))).userErrors).toEqual([]);
    expect(await askCode(ada)).toMatchObject({ userErrors: [{ code: "ALREADY_SCHEDULED" }] });
  });

  test("is void after five wrong tries, also when they come at once, and when another was asked for", async () => {
    const ada = memberOf(givenPlace(), []);
    await askCode(ada);
    const first = codeOf(ada.userId);
    const tries = await Promise.all(Array.from({ length: 8 }, () => request(ada, another(first))));
    const codes = tries.map(({ userErrors }) => userErrors[0].code).sort();
    expect(codes).toEqual([...Array<string>(3).fill("NO_CODE"), ...Array<string>(5).fill("WRONG_CODE")]);
    expect((await request(ada, first)).userErrors).toEqual([{ code: "NO_CODE", path: null }]);
    await askCode(ada);
    const second = codeOf(ada.userId);
    if (first !== second)
      expect((await request(ada, first)).userErrors).toEqual([{ code: "WRONG_CODE", path: ["verificationCode"] }]);
    expect(await stored(ada.userId)).toEqual([]);
    expect((await request(ada, second)).userErrors).toEqual([]);
  });

  test("of one person opens nothing for another, and can't be sent without an address or too often", async () => {
    const [ada, bob] = [memberOf(givenPlace(), []), memberOf(givenPlace(), [])];
    await askCode(ada);
    expect((await request(bob, codeOf(ada.userId))).userErrors).toEqual([{ code: "NO_CODE", path: null }]);
    privacy.withoutAddress.add(bob.userId);
    expect(await askCode(bob)).toEqual({ expiresAt: null, userErrors: [{ code: "NO_ADDRESS" }] });
    expect(await privacy.rows("select from erasure_code where user_id = $1", [bob.userId])).toHaveLength(0);
    const limited = await until(
      () => privacy.run(ada, "mutation { requestErasureCode { expiresAt } }"),
      (result) => result.errors !== undefined,
    );
    expect(errorsOf(limited)).toEqual(["RATE_LIMITED"]);
  });

  test.each(["12345", "1234567", "12345a", ""])("%p is no code", async (code) => {
    const ada = memberOf(givenPlace(), []);
    const mutation = `mutation { requestErasure(input: { verificationCode: "${code}" }) { erasure { id } } }`;
    expect(errorsOf(await privacy.run(ada, mutation))).toEqual(["BAD_USER_INPUT input.verificationCode"]);
  });
});

describe("in the days of grace", () => {
  test("nothing is erased, and whoever has the token cancels; cancelling twice is cancelling once", async () => {
    const ada = memberOf(givenPlace(), []);
    privacy.chat.notes.set(ada.userId, ["kept"]);
    const { id, token } = await givenErasure(ada, "I move on.");
    expect(await seen(ada, id)).toEqual({ status: "SCHEDULED", reason: "I move on.", certificate: null, parts: [] });
    await privacy.pass(graceMinutes - 1);
    for (let time = 0; time < 2; time++)
      expect(await cancel(token)).toEqual({ erasure: { status: "CANCELLED" }, userErrors: [] });
    await privacy.pass(10);
    expect(await seen(ada, id)).toMatchObject({ status: "CANCELLED", parts: [] });
    expect(privacy.chat.notes.get(ada.userId)).toEqual(["kept"]);
    // Another one can be asked for.
    await givenErasure(ada);
  });

  test("a token that isn't one cancels nothing", async () => {
    const ada = memberOf(givenPlace(), []);
    const { id, token } = await givenErasure(ada);
    expect(await cancel(`${token.slice(0, -2)}xx`)).toMatchObject({ userErrors: [{ code: "UNKNOWN_TOKEN" }] });
    expect(
      errorsOf(
        await privacy.run(nobody, `mutation { cancelErasure(input: { token: "' or true" }) { erasure { id } } }`),
      ),
    ).toEqual(["BAD_USER_INPUT input.token"]);
    expect(await seen(ada, id)).toMatchObject({ status: "SCHEDULED" });
    const [row] = await privacy.rows<{ text: string }>("select t::text as text from erasure t where id = $1", [id]);
    expect(row!.text).not.toContain(token);
  });
});

describe("when its time has come", () => {
  test("identity is asked last, and the certificate lists what each service has erased and keeps", async () => {
    const ada = memberOf(givenPlace(), []);
    privacy.chat.notes.set(ada.userId, ["one", "two"]);
    privacy.identity.notes.set(ada.userId, ["address"]);
    privacy.chat.answers = false;
    const { id, token } = await givenErasure(ada, "A secret reason.");
    await privacy.run(
      ada,
      `mutation { recordConsents(input: { consents: [{ purpose: "analytics", given: true, method: POPUP }] }) { processed } }`,
    );
    // The trail has where the consent and the request came from.
    const origins = () => privacy.rows("select number from audit_origin where person_id = $1", [ada.userId]);
    await until(origins, ({ length }) => length === 2);
    await privacy.pass(graceMinutes + 1);
    await until(
      () => seen(ada, id),
      ({ parts }) => parts.some((part: Part) => part.service === "privacy" && part.status === "ERASED"),
    );
    expect((await seen(ada, id)).parts).toContainEqual(
      expect.objectContaining({ service: "identity", status: "PLANNED" }),
    );
    expect(privacy.identity.notes.has(ada.userId)).toBe(true);
    expect(await cancel(token)).toMatchObject({ userErrors: [{ code: "TOO_LATE" }] });
    privacy.chat.answers = true;
    await privacy.pass(16);
    const done = await completed(ada, id);
    expect(done.reason).toBeNull();
    expect(done.parts.map(({ service, status, erased }: Part) => [service, status, erased])).toEqual([
      ["chat", "ERASED", 2],
      ["identity", "ERASED", 1],
      ["privacy", "ERASED", 3],
    ]);
    expect(await origins()).toEqual([]);
    expect(done.certificate).toMatchObject({ erasureId: id, userId: ada.userId, missing: [] });
    const [own] = done.certificate.services.filter(({ service }: Part) => service === "privacy");
    expect(own.nouns).toContainEqual(
      expect.objectContaining({ noun: "audit-entry", law: expect.stringContaining("GDPR") }),
    );
    for (const { nouns } of done.certificate.services)
      for (const { retained, law } of nouns) if (retained > 0) expect(law).toBeTruthy();
    // What they agreed to ends with them, for whoever collects.
    const { given } = (await privacy.subgraph.internal.consents!({ people: [ada], purpose: "analytics" })) as {
      given: boolean[];
    };
    expect(given).toEqual([false]);
    // Nobody can sign in any more: the token shows the certificate.
    expect((await seen(nobody, id, token)).status).toBe("COMPLETED");
    expect(errorsOf(await privacy.run(nobody, read, { id }))).toEqual(["UNAUTHENTICATED"]);
    expect(errorsOf(await privacy.run(memberOf(ada), read, { id }))).toEqual(["NOT_FOUND"]);
  });

  test("the account is closed first: while that can't be done, nothing is erased", async () => {
    const ada = memberOf(givenPlace(), []);
    privacy.chat.notes.set(ada.userId, ["one"]);
    const { id } = await givenErasure(ada);
    privacy.closing.answers = false;
    await privacy.pass(graceMinutes + 1);
    expect(await seen(ada, id)).toMatchObject({ status: "SCHEDULED", parts: [] });
    expect(privacy.chat.notes.has(ada.userId)).toBe(true);
    privacy.closing.answers = true;
    await completed(ada, id);
    expect(privacy.closing.accounts).toContain(ada.userId);
  });

  test("a service that stays silent is asked again and named as missing; its late answer still counts, another changes nothing", async () => {
    const ada = memberOf(givenPlace(), []);
    privacy.chat.answers = false;
    const { id } = await givenErasure(ada);
    await privacy.pass(graceMinutes + 1);
    const chatPart = async () => (await rowsOfParts(id)).find(({ service }) => service === "chat");
    await until(
      () => rowsOfParts(id),
      (parts) => parts.some(({ service, status }) => service === "privacy" && status === "ERASED"),
    );
    for (let attempt = 1; attempt <= 4; attempt++) {
      await until(chatPart, (part) => part?.attempt === attempt);
      await privacy.pass(16);
    }
    const done = await completed(ada, id);
    expect(done.certificate.missing).toEqual(["chat"]);
    const nouns = [{ noun: "note", erased: 3, retained: 0, law: null }];
    const answer = { erasureId: id, userId: ada.userId, service: "chat", nouns };
    await receive(answer);
    expect((await seen(ada, id)).certificate.missing).toEqual([]);
    const before = [await rowsOfParts(id), await stored(ada.userId)];
    await receive({ ...answer, nouns: [{ ...nouns[0]!, erased: 99 }] });
    await receive({ ...answer, userId: "usr_somebody_else" });
    expect([await rowsOfParts(id), await stored(ada.userId)]).toEqual(before);
  });
});

interface Part {
  service: string;
  status: string;
  erased: number;
}

const completed = (actor: Actor, id: string) =>
  until(
    () => seen(actor, id),
    ({ status }) => status === "COMPLETED",
  );
const rowsOfParts = (id: string) =>
  privacy.rows<{ service: string; status: string; attempt: number }>(
    "select * from erasure_part where erasure_id = $1 order by service",
    [id],
  );
const receive = (answer: Parameters<typeof receiveErasedPart>[1]) =>
  receiveErasedPart({ db: privacy.database.asService(), now: () => privacy.clock.now }, answer);

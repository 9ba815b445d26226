import type { Actor } from "@atrium/access";
import { truncatedAddress } from "@atrium/subgraph";
import { dataOf, errorsOf, givenPlace, memberOf, nobody, startTestPrivacy, until, type Privacy } from "../testing";

let privacy: Privacy;
beforeAll(async () => {
  privacy = await startTestPrivacy();
});
afterAll(() => privacy.stop());

const record = `mutation ($consents: [ConsentDecisionInput!]!) { recordConsents(input: { consents: $consents }) {
  processed activeCollections consents { purpose purposeVersion given } userErrors { code path } } }`;
const given = (purpose: string, more: object = {}) => ({ purpose, given: true, method: "POPUP", ...more });
const agree = async (actor: Actor, ...consents: object[]) =>
  dataOf(await privacy.run(actor, record, { consents })).recordConsents;
const withdraw = async (actor: Actor, purpose: string) =>
  dataOf(
    await privacy.run(
      actor,
      `mutation { withdrawConsent(input: { purpose: "${purpose}" }) { consent { given } userErrors { code } } }`,
    ),
  ).withdrawConsent;
const define = async (actor: Actor, purpose: object) =>
  dataOf(
    await privacy.run(
      actor,
      `mutation ($input: DefineConsentPurposeInput!) { defineConsentPurpose(input: $input) {
        purpose { key version } userErrors { code } } }`,
      { input: { legalBasis: "CONSENT", text: "To try things out.", ...purpose } },
    ),
  ).defineConsentPurpose;
const asked = async (people: { organizationId: string; userId: string }[], purpose = "analytics") =>
  ((await privacy.subgraph.internal.consents!({ people, purpose })) as { given: boolean[] }).given;
const historyOf = async (actor: Actor) =>
  dataOf(
    await privacy.run(actor, "{ consentHistory { nodes { purpose purposeVersion given method userAgent address } } }"),
  ).consentHistory.nodes;

/** What the audit trail says of a person's consents: each was announced, in this order. */
const announced = async (userId: string) =>
  privacy.rows<{ action: string }>(
    "select action from audit_entry where subject = $1 and action like 'privacy.consent.%' order by number",
    [userId],
  );

test("every organization asks for analytics, marketing and research from the start", async () => {
  const { consentPurposes } = dataOf(
    await privacy.run(memberOf(givenPlace(), []), "{ consentPurposes { key version legalBasis definedAt } }"),
  );
  expect(consentPurposes).toEqual(
    ["analytics", "marketing", "research"].map((key) => ({ key, version: 1, legalBasis: "CONSENT", definedAt: null })),
  );
});

test("the newest decision counts; repeating it changes and announces nothing", async () => {
  const ada = memberOf(givenPlace(), []);
  expect(await asked([ada])).toEqual([false]);
  for (let time = 0; time < 2; time++)
    expect(await agree(ada, given("analytics"))).toMatchObject({ activeCollections: ["analytics"], userErrors: [] });
  expect(await asked([ada])).toEqual([true]);
  for (let time = 0; time < 2; time++)
    expect(await withdraw(ada, "analytics")).toMatchObject({ consent: { given: false } });
  expect(await asked([ada])).toEqual([false]);
  expect(await historyOf(ada)).toEqual([
    expect.objectContaining({ given: false, method: "SETTINGS" }),
    {
      purpose: "analytics",
      purposeVersion: 1,
      given: true,
      method: "POPUP",
      userAgent: "Firefox on Linux",
      address: "203.0.113.0/24",
    },
  ]);
  await until(
    () => announced(ada.userId),
    (rows) => rows.length >= 2,
  );
  expect((await announced(ada.userId)).map(({ action }) => action)).toEqual([
    "privacy.consent.given.v1",
    "privacy.consent.withdrawn.v1",
  ]);
});

test("decisions on the same purposes at once all end, in some order", async () => {
  const ada = memberOf(givenPlace(), []);
  const both = [given("analytics"), given("marketing")];
  await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      agree(ada, ...(i % 2 ? both : [...both].reverse().map((each) => ({ ...each, given: false })))),
    ),
  );
  const history = (await historyOf(ada)) as { purpose: string; given: boolean }[];
  for (const purpose of ["analytics", "marketing"]) {
    const own = history.filter((each) => each.purpose === purpose).map((each) => each.given);
    // Each one in the history is another than the one before it.
    expect(own.every((value, i) => i === 0 || value !== own[i - 1])).toBe(true);
    expect(await asked([ada], purpose)).toEqual([own[0]]);
  }
});

test("a new version of a purpose asks again: who agreed to the one before hasn't agreed to it", async () => {
  const place = givenPlace();
  const [owner, ada] = [memberOf(place), memberOf(place, [])];
  await agree(ada, given("analytics"));
  expect(await define(owner, { key: "analytics" })).toEqual({
    purpose: { key: "analytics", version: 2 },
    userErrors: [],
  });
  expect(await define(owner, { key: "analytics" })).toMatchObject({ userErrors: [{ code: "UNCHANGED" }] });
  expect(await asked([ada])).toEqual([false]);
  expect(await agree(ada, given("analytics", { version: 1 }))).toMatchObject({
    processed: null,
    userErrors: [{ code: "OUTDATED_VERSION", path: ["consents", "0", "purpose"] }],
  });
  expect(await asked([ada])).toEqual([false]);
  expect(await agree(ada, given("analytics", { version: 2 }))).toMatchObject({ activeCollections: ["analytics"] });
  expect(await asked([ada])).toEqual([true]);
});

test("what can't be agreed to is refused with its place, and nothing is written", async () => {
  const place = givenPlace();
  const [owner, ada] = [memberOf(place), memberOf(place, [])];
  await define(owner, { key: "billing", legalBasis: "CONTRACT" });
  for (const [purpose, code] of [
    ["nothing", "NO_SUCH_PURPOSE"],
    ["billing", "NOT_ASKED"],
  ] as const)
    expect(await agree(ada, given("analytics"), given(purpose))).toMatchObject({
      processed: null,
      userErrors: [{ code, path: ["consents", "1", "purpose"] }],
    });
  expect(await historyOf(ada)).toEqual([]);
  expect(errorsOf(await privacy.run(ada, record, { consents: [] }))).toEqual(["BAD_USER_INPUT input.consents"]);
  expect(errorsOf(await privacy.run(ada, record, { consents: [given("Analytics")] }))).toEqual([
    "BAD_USER_INPUT input.consents.0.purpose",
  ]);
});

test("a consent counts in the organization it was given in, for the one person who gave it", async () => {
  const [here, there] = [givenPlace(), givenPlace()];
  const ada = memberOf(here, []);
  await agree(ada, given("research"));
  const elsewhere = { ...ada, ...there };
  const bob = memberOf(here);
  expect(await asked([ada, elsewhere, bob], "research")).toEqual([true, false, false]);
  const mine = "{ viewerConsents { purpose } }";
  expect(dataOf(await privacy.run(elsewhere, mine)).viewerConsents).toEqual([]);
  expect(dataOf(await privacy.run(bob, mine)).viewerConsents).toEqual([]);
});

test("only a person decides for themself, and only who runs the organization writes purposes", async () => {
  const place = givenPlace();
  const ada = memberOf(place, []);
  const key: Actor = { ...ada, kind: "API_KEY", permissions: ["*"] };
  const guest: Actor = { ...ada, kind: "GUEST", organizationId: null, workspaceId: null };
  const consents = [given("analytics")];
  expect(errorsOf(await privacy.run(nobody, record, { consents }))).toEqual(["UNAUTHENTICATED"]);
  for (const actor of [key, guest])
    expect(errorsOf(await privacy.run(actor, record, { consents }))).toEqual(["FORBIDDEN"]);
  expect(await historyOf(ada)).toEqual([]);
  const mutation = `mutation { defineConsentPurpose(input: { key: "x", legalBasis: CONSENT, text: "Y" }) { purpose { key } } }`;
  for (const actor of [ada, key, memberOf(place, ["privacy:decide"]), memberOf(place, ["organization:update"])])
    expect(errorsOf(await privacy.run(actor, mutation))).toEqual(["FORBIDDEN"]);
  expect(
    await privacy.rows("select key from consent_purpose where organization_id = $1", [place.organizationId]),
  ).toEqual([]);
});

test.each([
  ["203.0.113.77", "203.0.113.0/24"],
  ["::ffff:203.0.113.77", "203.0.113.0/24"],
  ["2001:db8:85a3::8a2e:370:7334", "2001:db8:85a3::/48"],
  ["2001:db8::1", "2001:db8:0::/48"],
  ["::1", "0:0:0::/48"],
  ["fe80::1%eth0", "fe80:0:0::/48"],
  ["not an address", null],
  [null, null],
])("of the address %s, %s is kept", (address, kept) => {
  expect(truncatedAddress(address)).toBe(kept);
});

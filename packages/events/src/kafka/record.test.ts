import type { KafkaMessage } from "kafkajs";
import type { Envelope } from "../envelope";
import { Unreadable } from "../unreadable";
import { fromMessage, sealOf, toMessage } from "./record";

const seal = sealOf("a secret of tests, long enough to be one");
const place = { topic: "t.ledger", partition: 0, owner: "ledger" };
const envelope: Envelope = {
  specversion: "1.0",
  id: "01900000-0000-7000-8000-000000000001",
  source: "/atrium/ledger",
  type: "ledger.account.changed.v1",
  subject: "acc_1",
  time: "2026-11-26T12:00:00.000Z",
  datacontenttype: "application/json",
  organizationid: "org_a",
  actorid: "usr_ada",
  data: { accountId: "acc_1" },
};

/** The record of an envelope as a consumer gets it, with other headers. */
function received(given: Envelope, headers: Record<string, string | undefined> = {}): Envelope | Unreadable {
  const { key, value, headers: own } = toMessage(given, seal);
  const message = {
    key: Buffer.from(key as string),
    value,
    headers: { ...own, ...headers },
    offset: "0",
    timestamp: "0",
  };
  return fromMessage(message as unknown as KafkaMessage, place, seal);
}
const reasonOf = (read: Envelope | Unreadable) => (read instanceof Unreadable ? read.reason : "none");

test("an event is read as it was written, with and without what it may lack", () => {
  expect(received(envelope)).toEqual(envelope);
  const more = { ...envelope, agentid: "key_1", sealedorigin: "c2VhbGVk", workspaceid: "wsp_a" };
  expect(received(more)).toEqual(more);
});

// The signature of a record as it was written before events had agents and origins.
test("a record from before there were agents and origins is still known by its signature", () => {
  const { headers } = toMessage(envelope, seal);
  expect(headers!.atriumsignature).toBe("01i_ndo8O7Mkqf-gAXeh_bvipV0HQVE_2SK1NlAGyng");
});

test.each([
  ["another agent", { ce_agentid: "key_2" }],
  ["no agent", { ce_agentid: undefined }],
  ["another origin", { ce_sealedorigin: "b3RoZXI" }],
  ["the origin in the agent's place", { ce_agentid: undefined, ce_sealedorigin: "key_1" }],
])("with %s it is forged", (_, headers) => {
  expect(reasonOf(received({ ...envelope, agentid: "key_1" }, headers))).toBe("FORGED");
});

test("an agent that was put on an event without one is forged", () => {
  expect(reasonOf(received(envelope, { ce_agentid: "key_1" }))).toBe("FORGED");
});

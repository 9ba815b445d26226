import { randomUUID } from "node:crypto";
import { signedUp, startAtrium, waitFor, type Atrium, type Caller } from "@atrium/testing";

// The service in the running product: events come from the other services, names from their parts of the graph.

let atrium: Atrium;
let ada: Caller;
beforeAll(async () => {
  atrium = await startAtrium();
  ada = await signedUp(atrium, "Ada");
}, 90_000);
afterAll(async () => {
  expect(atrium.newFaults()).toEqual([]);
  await atrium.stop();
});

const createProject = (caller: Caller, name: string) =>
  caller.client.ask("mutation ($input: CreateProjectInput!) { createProject(input: $input) { project { id } } }", {
    input: { name },
  });

const timeline = `{ timeline { nodes {
  kind actor { id name } person { id } subject { __typename ... on Project { id name } ... on Workspace { name } } } } }`;
interface Line {
  kind: string;
  actor: { name: string } | null;
  subject: { __typename: string; name?: string } | null;
}
const linesFor = async ({ client }: Caller): Promise<Line[]> => (await client.ask(timeline)).timeline.nodes;

test("a timeline names what happened from the whole graph, and another organization sees none of it", async () => {
  await createProject(ada, "Bridge");
  const lines = await waitFor(async () => {
    const found = await linesFor(ada);
    return found.some(({ kind }) => kind === "PROJECT_CREATED") && found;
  });
  expect(lines).toContainEqual(
    expect.objectContaining({
      kind: "PROJECT_CREATED",
      actor: expect.objectContaining({ name: "Ada" }),
      subject: expect.objectContaining({ __typename: "Project", name: "Bridge" }),
    }),
  );
  const stranger = await signedUp(atrium, "Eve");
  const seen = JSON.stringify(await linesFor(stranger));
  for (const mark of ["Bridge", "Ada", ada.userId]) expect(seen).not.toContain(mark);
  const { organizationId, workspaceId } = ada;
  for (const place of [{ workspaceId }, { organizationId }])
    expect(
      await stranger.client.refusal(
        "query ($workspaceId: ID, $organizationId: ID) { dashboard(workspaceId: $workspaceId, organizationId: $organizationId) { messages } }",
        place,
      ),
    ).toBe("NOT_FOUND");
});

test("an act shows on a dashboard that is watched over WebSocket, within a second", async () => {
  const watching = ada.client.subscribe(
    "subscription { dashboardUpdates { reason dashboard { projectsCreated at } } }",
  );
  const [first] = await watching.until(() => true);
  expect(first).toMatchObject({ dashboardUpdates: { reason: "STATE" } });
  const before = first!.dashboardUpdates.dashboard.projectsCreated as number;
  await createProject(ada, "Tunnel");
  const events = await watching.until(({ dashboardUpdates: { dashboard } }) => dashboard.projectsCreated > before);
  expect(events.at(-1)).toMatchObject({ dashboardUpdates: { reason: "CHANGE" } });
  watching.stop();
});

test("consent that is given lets detail be kept, and its withdrawal ends that", async () => {
  const record = async () => {
    const { recordInteractions } = await ada.client.ask(
      "mutation ($input: RecordInteractionsInput!) { recordInteractions(input: $input) { detailKept } }",
      {
        input: {
          batchId: randomUUID(),
          interactions: [{ kind: "VIEW", target: "home", at: new Date().toISOString() }],
        },
      },
    );
    return recordInteractions.detailKept as boolean;
  };
  expect(await record()).toBe(false);
  await ada.client.ask(
    "mutation ($input: RecordConsentsInput!) { recordConsents(input: $input) { processed userErrors { code } } }",
    { input: { consents: [{ purpose: "analytics", given: true, method: "SETTINGS" }] } },
  );
  await waitFor(record);
  await ada.client.ask(
    "mutation ($input: WithdrawConsentInput!) { withdrawConsent(input: $input) { userErrors { code } } }",
    {
      input: { purpose: "analytics" },
    },
  );
  await waitFor(async () => !(await record()));
});

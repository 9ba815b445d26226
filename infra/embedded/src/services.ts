import { startActivity } from "@atrium/activity";
import { startChat } from "@atrium/chat";
import { startIdentity } from "@atrium/identity";
import { startKnowledge } from "@atrium/knowledge";
import { startPrivacy } from "@atrium/privacy";
import type { Platform, RunningSubgraph } from "@atrium/subgraph";
import { startTenancy } from "@atrium/tenancy";

/** Every service of the product, by name. */
export const services: Readonly<Record<string, (platform: Platform) => Promise<RunningSubgraph>>> = {
  identity: startIdentity,
  tenancy: startTenancy,
  knowledge: startKnowledge,
  chat: startChat,
  activity: startActivity,
  privacy: startPrivacy,
};

import type { Platform, RunningSubgraph } from "@atrium/subgraph";

/** Every service of the product, by name. A service's code is loaded when it is started: whoever needs its name doesn't need it. */
export const services: Readonly<Record<string, (platform: Platform) => Promise<RunningSubgraph>>> = {
  identity: async (platform) => (await import("@atrium/identity")).startIdentity(platform),
  tenancy: async (platform) => (await import("@atrium/tenancy")).startTenancy(platform),
  knowledge: async (platform) => (await import("@atrium/knowledge")).startKnowledge(platform),
  chat: async (platform) => (await import("@atrium/chat")).startChat(platform),
  activity: async (platform) => (await import("@atrium/activity")).startActivity(platform),
  privacy: async (platform) => (await import("@atrium/privacy")).startPrivacy(platform),
};

import { fork, type ChildProcess } from "node:child_process";
import path from "node:path";
import { supergraphOf } from "./shop";
import type { Counts, SubgraphsCommand } from "./subgraphs-process";

export interface Subgraphs {
  /** The supergraph, with their addresses. */
  sdl: string;
  /** The same addresses by name, with those of identity and tenancy, and a token that identity has signed. */
  services: Readonly<Record<string, string>>;
  token: string;
  /** Announces a review of this number to whoever has subscribed. */
  publish(number: number): void;
  counts(): Promise<Counts>;
  stop(): void;
}

export async function startSubgraphs(): Promise<Subgraphs> {
  const child: ChildProcess = fork(path.join(__dirname, "subgraphs-process.ts"), { execArgv: process.execArgv });
  const said = <Value>(): Promise<Value> =>
    new Promise((resolve, reject) => {
      child.once("message", (message) => resolve(message as Value));
      child.once("exit", (code) => reject(new Error(`The subgraphs ended (${code}).`)));
    });
  const { urls, others, token } = await said<{ urls: [string, string][]; others: [string, string][]; token: string }>();
  const tell = (command: SubgraphsCommand) => child.send(command);
  return {
    sdl: supergraphOf(new Map(urls)),
    services: Object.fromEntries([...urls, ...others].map(([name, url]) => [name, new URL(url).origin])),
    token,
    publish: (number) => void tell({ publish: number }),
    async counts() {
      const answer = said<{ counts: Counts }>();
      tell("counts");
      return (await answer).counts;
    },
    stop: () => child.disconnect(),
  };
}

/** The service in a process of its own, to be killed: asks one operation when it is up, and goes on until then. */
import { ask, startWorld, type Member, type World } from "./world";

interface Task {
  beside: Pick<World, "home" | "folder">;
  actor: Member;
  operation: { query: string; variables: Record<string, unknown> } | null;
}

async function main({ beside, actor, operation }: Task): Promise<void> {
  const world = await startWorld({ beside });
  if (operation) await ask(world, actor, operation.query, operation.variables);
  process.stdout.write("ready\n");
}

void main(JSON.parse(process.argv[2]!) as Task);

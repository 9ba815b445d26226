import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { newId } from "@atrium/ids";
import type { PublicKey, Services, SigningKeys } from "../context";
import { open, seal } from "../secret-box";
import { planSigningKeys, type StoredSigningKey } from "./signing-key";
import { deleteSigningKeys, findSigningKeys, insertSigningKey, lockRotation } from "./store";

type Means = Pick<Services, "database" | "now" | "log"> & { sealingKey: Buffer };

interface OpenKey extends StoredSigningKey {
  opened: KeyObject;
}

// A key is published an hour before it signs, so a minute more or less is nothing.
const currentForMs = 60_000;

/** The signing keys of this installation, made and replaced as their schedule says, whichever process notices first. */
export function signingKeys(means: Means): SigningKeys {
  let current: { key: Promise<OpenKey>; until: number } | null = null;

  return {
    async current() {
      const time = means.now().getTime();
      if (!current || current.until <= time || current.until > time + currentForMs)
        current = { key: keepSigningKeys(means).then(({ sign }) => sign), until: time + currentForMs };
      try {
        const { id, opened } = await current.key;
        return { id, privateKey: opened };
      } catch (error) {
        current = null;
        throw error;
      }
    },
    async published() {
      const { publish } = await keepSigningKeys(means);
      return publish.map(({ id, publicJwk }): PublicKey => ({ ...publicJwk, kid: id, use: "sig", alg: "ES256" }));
    },
  };
}

async function keepSigningKeys(means: Means): Promise<{ sign: OpenKey; publish: OpenKey[] }> {
  const plan = planSigningKeys(openable(await findSigningKeys(means.database.asService()), means), means.now());
  if (plan.sign && !plan.nextActiveAt && plan.forget.length === 0) return { sign: plan.sign, publish: plan.publish };
  return rotate(means);
}

const rotate = (means: Means) =>
  means.database.asService().transaction(async (tx) => {
    await lockRotation(tx);
    const now = means.now();
    // Another process may have rotated while this one waited for the lock.
    const keys = openable(await findSigningKeys(tx), means);
    const due = planSigningKeys(keys, now);
    if (due.nextActiveAt) {
      const key = newSigningKey(due.nextActiveAt, means.sealingKey);
      await insertSigningKey(tx, key, now);
      keys.push(key);
      means.log.info({ keyId: key.id, activeAt: key.activeAt }, "made a signing key");
    }
    await deleteSigningKeys(
      tx,
      due.forget.map(({ id }) => id),
    );
    const { sign, publish } = planSigningKeys(keys, now);
    return { sign: sign!, publish };
  });

function newSigningKey(activeAt: Date, sealingKey: Buffer): OpenKey {
  const id = newId("sig");
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const sealed = seal(privateKey.export({ type: "pkcs8", format: "der" }), sealingKey, id);
  return { id, publicJwk: publicKey.export({ format: "jwk" }), privateKey: sealed, activeAt, opened: privateKey };
}

/** The keys that this installation's secret opens. With another secret, what was signed before counts no longer. */
function openable(keys: readonly StoredSigningKey[], { sealingKey, log }: Means): OpenKey[] {
  return keys.flatMap((key) => {
    const der = open(key.privateKey, sealingKey, key.id);
    if (der) return [{ ...key, opened: createPrivateKey({ key: der, type: "pkcs8", format: "der" }) }];
    log.warn({ keyId: key.id }, "a signing key was sealed under another secret; it is not used");
    return [];
  });
}

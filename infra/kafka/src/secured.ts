import { execFile } from "node:child_process";
import { chmod, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { KafkaUnavailable } from "./fetch";

const run = promisify(execFile);

/** A broker that is reached by TLS alone, and by whoever signs in with this name and password. */
export interface Credentials {
  username: string;
  password: string;
}

// Guards nothing that the folder's rights don't: the key store lies beside the settings that name it.
const storePassword = "of this machine alone";
const stores = (directory: string) => ({
  keys: path.join(directory, "broker.p12"),
  trusted: path.join(directory, "trusted.p12"),
  certificate: certificateOf(directory),
});

/** The certificate by which clients trust a secured broker of this folder; it is its own authority. */
export const certificateOf = (directory: string): string => path.join(directory, "broker.pem");

/** Makes a key and a certificate for 127.0.0.1 and localhost, with Java's own tool. */
export async function makeCertificate(directory: string): Promise<void> {
  const { keys, trusted, certificate } = stores(directory);
  for (const file of [keys, trusted, certificate]) await rm(file, { force: true });
  const keytool = (...args: string[]) =>
    run("keytool", [...args, "-alias", "broker", "-storepass", storePassword, "-storetype", "PKCS12"]).catch(
      (error: { stdout?: string; message: string }) => {
        throw new KafkaUnavailable(`No certificate could be made: ${(error.stdout || error.message).slice(0, 500)}`);
      },
    );
  await keytool(
    ...["-genkeypair", "-keystore", keys, "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "3650"],
    ...["-dname", "CN=Kafka of this machine", "-ext", "san=ip:127.0.0.1,dns:localhost", "-ext", "bc:c"],
  );
  await chmod(keys, 0o600);
  await keytool("-exportcert", "-rfc", "-keystore", keys, "-file", certificate);
  await keytool("-importcert", "-noprompt", "-keystore", trusted, "-file", certificate);
}

/** What `server.properties` says of a broker with one listener, `SASL_SSL`, for clients and for itself. */
export function securedProperties(directory: string, { username, password }: Credentials): Record<string, string> {
  const { keys, trusted } = stores(directory);
  const own = `username="${username}" password="${password}"`;
  const module = (name: string, more = "") => `org.apache.kafka.common.security.${name} required ${own}${more};`;
  return {
    "inter.broker.listener.name": "SASL_SSL",
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
    "listener.name.sasl_ssl.plain.sasl.jaas.config": module(
      "plain.PlainLoginModule",
      ` user_${username}="${password}"`,
    ),
    "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": module("scram.ScramLoginModule"),
    "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": module("scram.ScramLoginModule"),
    "ssl.keystore.type": "PKCS12",
    "ssl.keystore.location": keys,
    "ssl.keystore.password": storePassword,
    "ssl.truststore.type": "PKCS12",
    "ssl.truststore.location": trusted,
    "ssl.truststore.password": storePassword,
  };
}

/** How the passwords get into the broker's own records, where SCRAM looks for them, when its folder is formatted. */
export const scramUsers = ({ username, password }: Credentials): string[] =>
  ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((name) => [
    "--add-scram",
    `${name}=[name=${username},password=${password}]`,
  ]);

/** They stand in several formats of the broker's settings, of which none has an escape in common. */
export function assertPlain({ username, password }: Credentials): void {
  for (const [name, value] of Object.entries({ username, password }))
    if (!/^[\w.-]{1,100}$/.test(value))
      throw new KafkaUnavailable(`The ${name} of a broker may have letters, digits, dots, dashes and underscores.`);
}

import type { Handle } from "@atrium/database";
import type { PrismaClient } from "../generated/prisma/client";
import type { Mail } from "./mail";

type Db = Handle<PrismaClient>;

export const insertMail = (service: Db, mail: Mail) => service.mail.create({ data: mail });

export const deleteMailBefore = (service: Db, before: Date) =>
  service.mail.deleteMany({ where: { createdAt: { lt: before } } });

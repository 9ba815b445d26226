import type { Case } from "../case";
import { zoo } from "./animals";
import { counters } from "./counters";
import { faults } from "./faults";
import { keys } from "./keys";
import { media } from "./media";
import { nodes } from "./nodes";
import { orders } from "./orders";
import { owners, tenants } from "./owners";
import { shop } from "./shop";
import { unions } from "./unions";
import { cells, searches } from "./values";

export const corpus: Case[] = [
  shop,
  keys,
  orders,
  zoo,
  unions,
  media,
  nodes,
  owners,
  tenants,
  cells,
  searches,
  faults,
  counters,
];

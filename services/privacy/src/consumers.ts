import type { Consumer } from "@atrium/events";
import { auditConsumers } from "./audit-entry/handlers";
import type { Context } from "./context";
import { exportConsumers } from "./data-export/handlers";
import { erasureConsumers } from "./erasure/handlers";

export const consumers: Consumer<Context>[] = [...auditConsumers, ...exportConsumers, ...erasureConsumers];

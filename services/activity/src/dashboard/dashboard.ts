/** Of which time a dashboard tells; days are those of its time zone. */
export const DashboardPeriod = {
  TODAY: "Since the last midnight.",
  YESTERDAY: "The day before.",
  LAST_24_HOURS: "The last 24 hours, by the quarter of an hour.",
  LAST_7_DAYS: "Today and the six days before.",
  LAST_30_DAYS: "Today and the 29 days before.",
} as const;
export type DashboardPeriod = keyof typeof DashboardPeriod;

/** What is read from the tables, all at one moment. */
export interface Figures {
  /** Sums of the period, by metric. */
  period: Readonly<Record<string, number>>;
  /** Sums since ever, by metric. */
  total: Readonly<Record<string, number>>;
  activeUsers: number;
  /** Last ratings of the period, by rating. */
  ratings: Readonly<Record<string, number>>;
}

/** How things stand. A share or an average of nothing is null. */
export interface Dashboard {
  activeUsers: number;
  signIns: number;
  members: number;
  membersJoined: number;
  membersLeft: number;
  conversationsStarted: number;
  messages: number;
  answers: number;
  refusals: number;
  answeredShare: number | null;
  averageAnswerMs: number | null;
  satisfiedShare: number | null;
  ratings: number;
  inputTokens: number;
  outputTokens: number;
  costMicros: number;
  documents: number;
  documentsAdded: number;
  documentsIngested: number;
  documentsFailed: number;
  documentsDeleted: number;
  averageIngestionMs: number | null;
  storedBytes: number;
  invitationsSent: number;
  invitationsAccepted: number;
  projectsCreated: number;
  interactions: number;
}

/** What the figures say of a workspace, or of a whole organization. */
export function dashboardOf(
  { period, total, activeUsers, ratings }: Figures,
  whole: "WORKSPACE" | "ORGANIZATION",
): Dashboard {
  const of = (metric: string) => period[metric] ?? 0;
  const ever = (metric: string) => total[metric] ?? 0;
  // Who belongs to the organization and who has a place in the workspace are two countings.
  const members = whole === "WORKSPACE" ? "WORKSPACE_MEMBERS" : "MEMBERS";
  const [answers, refusals] = [of("ANSWERS"), of("REFUSALS")];
  const rated = (ratings["UP"] ?? 0) + (ratings["DOWN"] ?? 0);
  return {
    activeUsers,
    signIns: of("SIGN_INS"),
    members: ever(`${members}_JOINED`) - ever(`${members}_LEFT`),
    membersJoined: of(`${members}_JOINED`),
    membersLeft: of(`${members}_LEFT`),
    conversationsStarted: of("CONVERSATIONS_STARTED"),
    messages: of("MESSAGES"),
    answers,
    refusals,
    answeredShare: share(answers, answers + refusals),
    averageAnswerMs: share(of("ANSWER_MS"), answers),
    satisfiedShare: share(ratings["UP"] ?? 0, rated),
    ratings: rated,
    inputTokens: of("INPUT_TOKENS"),
    outputTokens: of("OUTPUT_TOKENS"),
    costMicros: of("COST_MICROS"),
    documents: ever("DOCUMENTS_ADDED") - ever("DOCUMENTS_DELETED"),
    documentsAdded: of("DOCUMENTS_ADDED"),
    documentsIngested: of("DOCUMENTS_INGESTED"),
    documentsFailed: of("DOCUMENTS_FAILED"),
    documentsDeleted: of("DOCUMENTS_DELETED"),
    averageIngestionMs: share(of("INGESTION_MS"), of("DOCUMENTS_INGESTED")),
    storedBytes: ever("STORED_BYTES"),
    invitationsSent: of("INVITATIONS_SENT"),
    invitationsAccepted: of("INVITATIONS_ACCEPTED"),
    projectsCreated: of("PROJECTS_CREATED"),
    interactions: of("INTERACTIONS"),
  };
}

const share = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);

/** Which dashboard: those who ask for the same one share it. */
export interface DashboardScope {
  organizationId: string;
  /** Null for the whole organization. */
  workspaceId: string | null;
  period: DashboardPeriod;
  zone: string;
}

export const keyOf = ({ organizationId, workspaceId, period, zone }: DashboardScope): string =>
  [organizationId, workspaceId ?? "", period, zone].join(" ");

/** A dashboard at one moment. */
export interface Snapshot {
  dashboard: Dashboard;
  from: Date;
  to: Date;
  at: Date;
}

/** A route that a service serves itself, at the gateway's origin. */
export interface ServiceRoute {
  methods: readonly string[];
  /** A segment `:name` matches one opaque token. */
  path: string;
  service: string;
}

/** Everything outside GraphQL that clients reach. A path that isn't here reaches no service. */
export const serviceRoutes: readonly ServiceRoute[] = [
  { methods: ["PUT"], path: "/uploads/:token", service: "knowledge" },
  { methods: ["GET", "HEAD"], path: "/files/:token", service: "knowledge" },
  { methods: ["GET", "HEAD"], path: "/exports/:token", service: "privacy" },
  { methods: ["GET", "HEAD"], path: "/.well-known/jwks.json", service: "identity" },
];

const token = /^[A-Za-z0-9._~=-]{1,2048}$/;

export function findServiceRoute(routes: readonly ServiceRoute[], path: string): ServiceRoute | undefined {
  const segments = path.split("/");
  return routes.find((route) => {
    const expected = route.path.split("/");
    return (
      expected.length === segments.length &&
      expected.every((name, i) => (name.startsWith(":") ? token.test(segments[i]!) : name === segments[i]))
    );
  });
}

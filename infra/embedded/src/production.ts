// Imported before everything else: graphql looks at this once, while it is loaded, and checks each of its objects at
// length where it isn't production.
process.env.NODE_ENV ??= "production";

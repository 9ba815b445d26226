// Before each suite of Jest's project "distributed": `startAtrium` starts the shape that this names.
process.env.ATRIUM_SHAPE = "distributed";

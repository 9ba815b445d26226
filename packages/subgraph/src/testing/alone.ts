// The library as a process of its own: a child of run-alone.test.ts.
import { runAlone } from "..";
import { startLibraryOn } from "./library";

runAlone("library", startLibraryOn);

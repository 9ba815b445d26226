import { parentPort, workerData } from "node:worker_threads";
import { fitLatentBasis, type SparseMatrix } from "./latent-fit";

const { matrix, dimensions } = workerData as { matrix: SparseMatrix; dimensions: number };
const basis = fitLatentBasis(matrix, dimensions);
parentPort!.postMessage(basis, [basis.buffer as ArrayBuffer]);

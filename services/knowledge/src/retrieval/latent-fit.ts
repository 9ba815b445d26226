/** Passages by terms, weighted, sparse: row `r` has `columns[starts[r]…starts[r+1])` with these `values`. */
export interface SparseMatrix {
  readonly rowCount: number;
  readonly columnCount: number;
  readonly starts: Uint32Array;
  readonly columns: Uint32Array;
  readonly values: Float32Array;
}

const extraDimensions = 16;
const powerIterations = 3;

/**
 * The `dimensions` directions in which the rows differ most (truncated singular value decomposition, randomized: Halko,
 * Martinsson, Tropp 2011), as one row of `dimensions` numbers per column of the matrix. The directions are then turned
 * at random, which changes no angle and spreads what they carry evenly, so that one bit of each is worth the same.
 * The same matrix always gives the same result.
 */
export function fitLatentBasis(matrix: SparseMatrix, dimensions: number): Float32Array {
  const { rowCount, columnCount } = matrix;
  const width = Math.min(dimensions + extraDimensions, rowCount, columnCount);
  const random = randomNumbers(0x5eed);
  let rows: Float64Array = new Float64Array(rowCount * width).map(random);
  let columns: Float64Array = new Float64Array(0);
  for (let iteration = 0; iteration <= powerIterations; iteration++) {
    orthonormalize(rows, rowCount, width);
    columns = timesTransposed(matrix, rows, width);
    if (iteration < powerIterations) rows = times(matrix, columns, width);
  }
  const { values, vectors } = symmetricEigen(gram(columns, columnCount, width), width);
  const order = [...values.keys()].sort((a, b) => values[b]! - values[a]!);
  const kept = order.filter((index) => values[index]! > values[order[0]!]! * 1e-9).slice(0, dimensions);

  // Turn: columns × (eigenvectors / singular values) × random rotation.
  const rotation = new Float64Array(dimensions * dimensions).map(random);
  orthonormalize(rotation, dimensions, dimensions);
  const turn = new Float64Array(width * dimensions);
  kept.forEach((index, at) => {
    const scale = 1 / Math.sqrt(values[index]!);
    for (let row = 0; row < width; row++) {
      const weight = vectors[row * width + index]! * scale;
      for (let to = 0; to < dimensions; to++) turn[row * dimensions + to]! += weight * rotation[at * dimensions + to]!;
    }
  });
  const basis = new Float32Array(columnCount * dimensions);
  for (let column = 0; column < columnCount; column++) {
    for (let inner = 0; inner < width; inner++) {
      const weight = columns[column * width + inner]!;
      if (weight === 0) continue;
      const from = inner * dimensions;
      const to = column * dimensions;
      for (let at = 0; at < dimensions; at++) basis[to + at]! += weight * turn[from + at]!;
    }
  }
  return basis;
}

/** Matrix × (columnCount × width). */
function times({ rowCount, starts, columns, values }: SparseMatrix, right: Float64Array, width: number): Float64Array {
  const result = new Float64Array(rowCount * width);
  for (let row = 0; row < rowCount; row++) {
    const to = row * width;
    for (let at = starts[row]!; at < starts[row + 1]!; at++) {
      const from = columns[at]! * width;
      const value = values[at]!;
      for (let inner = 0; inner < width; inner++) result[to + inner]! += value * right[from + inner]!;
    }
  }
  return result;
}

/** Transposed matrix × (rowCount × width). */
function timesTransposed(matrix: SparseMatrix, right: Float64Array, width: number): Float64Array {
  const { rowCount, columnCount, starts, columns, values } = matrix;
  const result = new Float64Array(columnCount * width);
  for (let row = 0; row < rowCount; row++) {
    const from = row * width;
    for (let at = starts[row]!; at < starts[row + 1]!; at++) {
      const to = columns[at]! * width;
      const value = values[at]!;
      for (let inner = 0; inner < width; inner++) result[to + inner]! += value * right[from + inner]!;
    }
  }
  return result;
}

/** Transposed × itself: width × width. */
function gram(tall: Float64Array, height: number, width: number): Float64Array {
  const result = new Float64Array(width * width);
  for (let row = 0; row < height; row++) {
    const from = row * width;
    for (let a = 0; a < width; a++) {
      const value = tall[from + a]!;
      if (value === 0) continue;
      const to = a * width;
      for (let b = a; b < width; b++) result[to + b]! += value * tall[from + b]!;
    }
  }
  for (let a = 0; a < width; a++) for (let b = 0; b < a; b++) result[a * width + b] = result[b * width + a]!;
  return result;
}

/**
 * Makes the columns orthonormal in place, by the Cholesky factor of their Gram matrix, twice for accuracy. A column that
 * depends on those before it becomes zero.
 */
function orthonormalize(tall: Float64Array, height: number, width: number): void {
  for (let pass = 0; pass < 2; pass++) {
    const factor = gram(tall, height, width);
    let largest = 0;
    for (let at = 0; at < width; at++) largest = Math.max(largest, factor[at * width + at]!);
    const floor = largest * 1e-12;
    for (let column = 0; column < width; column++) {
      for (let row = column; row < width; row++) {
        let sum = factor[row * width + column]!;
        for (let inner = 0; inner < column; inner++)
          sum -= factor[row * width + inner]! * factor[column * width + inner]!;
        const diagonal = factor[column * width + column]!;
        if (row === column) factor[row * width + column] = sum > floor ? Math.sqrt(sum) : 0;
        else factor[row * width + column] = diagonal > 0 ? sum / diagonal : 0;
      }
    }
    for (let line = 0; line < height; line++) {
      const from = line * width;
      for (let column = 0; column < width; column++) {
        let sum = tall[from + column]!;
        for (let inner = 0; inner < column; inner++) sum -= tall[from + inner]! * factor[column * width + inner]!;
        const diagonal = factor[column * width + column]!;
        tall[from + column] = diagonal > 0 ? sum / diagonal : 0;
      }
    }
  }
}

/** Eigenvalues and eigenvectors (as columns) of a symmetric matrix, by Jacobi rotations. */
function symmetricEigen(matrix: Float64Array, size: number): { values: Float64Array; vectors: Float64Array } {
  const a = Float64Array.from(matrix);
  const vectors = new Float64Array(size * size);
  for (let at = 0; at < size; at++) vectors[at * size + at] = 1;
  for (let sweep = 0; sweep < 12; sweep++) {
    let off = 0;
    let total = 0;
    for (let row = 0; row < size; row++)
      for (let column = 0; column < size; column++) {
        const square = a[row * size + column]! ** 2;
        total += square;
        if (row !== column) off += square;
      }
    if (off <= total * 1e-16) break;
    for (let p = 0; p < size - 1; p++) {
      for (let q = p + 1; q < size; q++) {
        const between = a[p * size + q]!;
        if (Math.abs(between) < 1e-300) continue;
        const theta = (a[q * size + q]! - a[p * size + p]!) / (2 * between);
        const tangent = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const cosine = 1 / Math.sqrt(tangent * tangent + 1);
        const sine = tangent * cosine;
        for (let at = 0; at < size; at++) {
          const left = a[at * size + p]!;
          const right = a[at * size + q]!;
          a[at * size + p] = cosine * left - sine * right;
          a[at * size + q] = sine * left + cosine * right;
        }
        for (let at = 0; at < size; at++) {
          const left = a[p * size + at]!;
          const right = a[q * size + at]!;
          a[p * size + at] = cosine * left - sine * right;
          a[q * size + at] = sine * left + cosine * right;
        }
        for (let at = 0; at < size; at++) {
          const left = vectors[at * size + p]!;
          const right = vectors[at * size + q]!;
          vectors[at * size + p] = cosine * left - sine * right;
          vectors[at * size + q] = sine * left + cosine * right;
        }
      }
    }
  }
  return { values: Float64Array.from({ length: size }, (_, at) => a[at * size + at]!), vectors };
}

/** Numbers about zero, always the same ones (mulberry32; the sum of four is near enough to normal). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296 - 0.5;
  };
  return () => uniform() + uniform() + uniform() + uniform();
}

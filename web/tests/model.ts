/** A model as pages have it, for tests. */

import { base64Of, type Model } from "../src/site";

export function model(more: Partial<Model> = {}): Model {
  const vectors = new Float32Array(8);
  vectors[0] = 1;
  vectors[5] = 1;
  return {
    hash: "0123456789abcdef",
    name: "toy",
    size: 8,
    z: 4,
    labels: { hair: ["black", "red"], hat: ["no", "yes"] },
    frequencies: { hair: [1, 1], hat: [5, 1] },
    output_range: [-1, 1],
    form: "int8",
    bytes: 100,
    weights: "weights",
    golden: { seeds: [7], step: 1, values: "" },
    directions: { names: ["", "age"], vectors: base64Of(new Uint8Array(vectors.buffer)) },
    wall: { seed: 0, count: 0, pictures: "wall" },
    card: {
      author: "Ada",
      licence: "mit",
      learned_from: null,
      faces: null,
      faceset: null,
      recipe: null,
      steps: null,
      network: "toy",
      weights: 1,
      figures: {},
      copying: null,
    },
    ...more,
  };
}

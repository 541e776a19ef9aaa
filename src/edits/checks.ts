/** @file Self-checks of edits: what LEACE leaves of a concept; an exported and a folded edit against the edit in place; paths; the bias study. */
import { fitProbe } from '../activations/probe.ts';
import { type Check, checkRow } from '../core/check.ts';
import { random } from '../core/random.ts';
import { i64 } from '../core/tensor.ts';
import type { Graph } from '../graph/types.ts';
import { tinyLlama } from '../models/tiny.ts';
import { runOnce } from '../runtime/session.ts';
import { applyEdit } from './apply.ts';
import { biasRows } from './bias/check-rows.ts';
import { parseChange } from './edit-file.ts';
import { erase } from './erasure/eraser.ts';
import { leace } from './erasure/leace.ts';
import { largestCorrelation } from './erasure/moments.ts';
import { foldEdit } from './export/fold.ts';
import { editedGraph } from './export/onnx.ts';
import { pathRows } from './paths/check-rows.ts';

const area = 'edits';

export const checks: Check[] = [
  { area, rows: () => pathRows(area) },
  { area, rows: () => biasRows(area) },
  {
    area,
    async rows() {
      const chance = random(21);
      const [rows, width] = [600, 24];
      const labels = Float64Array.from({ length: rows }, () => (chance.uniform() < 0.5 ? 1 : 0));
      const x_ND = Float64Array.from(
        { length: rows * width },
        (_, i) => chance.normal() + (i % width < 4 ? 1.5 * labels[Math.floor(i / width)]! : 0),
      );
      const source = { x_ND, width, z_NZ: labels, concepts: 1 };
      const erased = erase(leace(source), x_ND);
      const p = labels.reduce((sum, label) => sum + label, 0) / rows;
      const constant = -p * Math.log(p) - (1 - p) * Math.log(1 - p);
      const gained = constant - fitProbe(erased, labels, width, 0).loss;
      return [
        checkRow(
          area,
          'LEACE: largest correlation with the concept',
          largestCorrelation({ ...source, x_ND: erased }),
          1e-10,
        ),
        checkRow(area, 'LEACE: nats that a linear probe gains over the constant', gained, 1e-10),
      ];
    },
  },
  {
    area,
    async rows() {
      const model = tinyLlama(5);
      const stream = random(5);
      const normals = (n: number) => Array.from({ length: n }, () => stream.normal());
      const changes = [
        { kind: 'scale', site: 'blocks.0.attn.hook_z', head: 1, by: 0.3 },
        { kind: 'project', site: 'blocks.0.hook_mlp_out', directions: [normals(16)], strength: 0.8 },
        { kind: 'steer', site: 'blocks.1.hook_resid_mid', vector: normals(16), by: 0.5 },
      ].map((change) => parseChange(change, 'a self-check'));
      const tokens = i64([1, 4], [5, 6, 7, 8]);
      const logits = async (graph: Graph, feeds = {}) =>
        (await runOnce(graph, { tokens, ...feeds }, { threads: 1 })).logits!.data as Float32Array;
      const { apply, feeds } = applyEdit({ changes }, model);
      const inPlace = await logits(apply(model.graph), feeds);
      const away = (other: Float32Array) => Math.max(...other.map((v, i) => Math.abs(v - inPlace[i]!)));
      const [exported, folded] = [
        await logits(editedGraph(model, { changes })),
        await logits((await foldEdit(model, { changes })).graph),
      ];
      return [
        checkRow(area, 'exported edit against the edit in place: largest |Δlogit|', away(exported), 1e-5),
        checkRow(area, 'folded edit against the edit in place: largest |Δlogit|', away(folded), 1e-5),
      ];
    },
  },
];

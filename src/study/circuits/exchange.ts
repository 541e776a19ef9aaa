/** @file Circuits to files of other programs, and from them. */
import { join } from 'node:path';
import { dot } from '../../circuits/exchange/dot.ts';
import { featureFile, featureNumber } from '../../circuits/exchange/feature-file.ts';
import { graphml, readGraphml } from '../../circuits/exchange/graphml.ts';
import { type PortableGraph, portableOf } from '../../circuits/exchange/portable.ts';
import { type ReadGraph, readAttributionGraph } from '../../circuits/exchange/read-graph.ts';
import { attributionGraph, type GraphFileOptions, layersOf } from '../../circuits/exchange/write-graph.ts';
import { CircuitError } from '../../core/errors.ts';
import { openFeatureDatabase } from '../../dictionaries/feature-reader.ts';
import { readText, writeFileAtomic, writeJson } from '../../files/atomic.ts';
import { untangleVersion } from '../versions.ts';
import type { StoredCircuit } from './stored.ts';

export const exportFormats = ['neuronpedia', 'circuit-tracer', 'graphml', 'dot'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** The graph that travels. */
export const portable = ({ circuit, model, tokenIds }: StoredCircuit): PortableGraph =>
  portableOf(circuit, { model: model.name, tokenIds });

/** Name of a graph's file. */
const slug = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-') || 'graph';

/**
 * Writes a graph. `circuit-tracer` is a folder that its server shows: the graph, graph-metadata.json, and feature files
 * under features/SCAN; the others are one file.
 * @param features folders of feature databases by site, whose features in the graph get a file each
 * @returns the files written
 */
export async function exportGraph(
  graph: PortableGraph,
  format: ExportFormat,
  out: string,
  options: Omit<GraphFileOptions, 'version'> & { readonly features?: ReadonlyMap<string, string> } = {},
): Promise<string[]> {
  const { features = new Map<string, string>(), ...about } = options;
  const write = async (path: string, text: string) => {
    await writeFileAtomic(path, new TextEncoder().encode(text));
    return [path];
  };
  if (format === 'graphml') return write(out, graphml(graph));
  if (format === 'dot') return write(out, dot(graph));
  const named = { ...graph, name: slug(graph.name) };
  const document = attributionGraph(named, { ...about, version: untangleVersion() });
  if (format === 'neuronpedia') {
    await writeJson(out, document);
    return [out, ...(await featureFiles(graph, features, `${out}.features`))];
  }
  const file = join(out, `${named.name}.json`);
  const index = join(out, 'graph-metadata.json');
  await writeJson(file, document);
  await writeJson(index, { graphs: [document.metadata] });
  return [file, index, ...(await featureFiles(graph, features, join(out, 'features', graph.model)))];
}

/** One file for each feature of the graph whose database was given. */
async function featureFiles(
  graph: PortableGraph,
  databases: ReadonlyMap<string, string>,
  folder: string,
): Promise<string[]> {
  const written: string[] = [];
  const layers = layersOf(graph.sites);
  for (const [site, from] of databases) {
    const layer = layers.get(site);
    if (layer === undefined) {
      throw new CircuitError('circuit.not-a-place', `the circuit has no dictionary at "${site}"`, {
        where: site,
        hint: `its dictionaries sit at ${graph.sites.join(', ')}`,
      });
    }
    const wanted = new Set(graph.nodes.flatMap((node) => (node.site === site ? [node.feature] : [])));
    const database = await openFeatureDatabase(from);
    try {
      for (const feature of wanted) {
        const detail = feature === undefined ? undefined : await database.read(feature);
        if (!detail) continue;
        const path = join(folder, `${featureNumber(layer, detail.id)}.json`);
        await writeJson(path, featureFile(detail, site, layer));
        written.push(path);
      }
    } finally {
      database.close();
    }
  }
  return written;
}

/**
 * Reads attribution-graph JSON or GraphML.
 * @throws FileError `file.missing`; CircuitError `circuit.graph-form`, `circuit.graph-ids`
 */
export async function importGraph(path: string): Promise<ReadGraph> {
  const text = await readText(path);
  if (/^\s*</.test(text)) return { graph: readGraphml(text, path), notes: [] };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CircuitError('circuit.graph-form', `${path} is neither JSON nor XML`, {
      where: path,
      hint: 'attribution-graph JSON (Neuronpedia, circuit-tracer) and GraphML are read',
      cause,
    });
  }
  return readAttributionGraph(value, path);
}

/** @file The HTTP API: the study, its live line, features and circuits, checked by zod at the door. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { nearestNames, StudyError } from '../core/errors.ts';
import { savedKinds } from '../study/saved.ts';
import type { EventStream } from './events.ts';
import { type FeatureSource, unknownSite } from './features.ts';
import type { SavedSource } from './saved.ts';
import type { CircuitResult, StudyState } from './shapes.ts';

const listQuery = z.object({
  site: z.string().min(1).max(200),
  sort: z.enum(['max', 'frequency', 'id']).default('max'),
  q: z.string().max(200).default(''),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  offset: z.coerce.number().int().min(0).default(0),
});

const featureParams = z.object({
  site: z.string().min(1).max(200),
  id: z.coerce.number().int().min(0),
});

/** What `schema` makes of `value`. @throws StudyError `studio.bad-request` naming the first wrong field. */
function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new StudyError('studio.bad-request', issue?.message ?? 'the request is not valid', {
    where: issue?.path.join('.') || 'query',
    hint: 'see docs/studio.md for the fields of this address',
  });
}

export interface RouteContext {
  getState(): StudyState;
  stream: EventStream;
  features: FeatureSource;
  saved: SavedSource;
}

/** Adds the API routes to `server`. */
export function addRoutes(
  server: FastifyInstance,
  { getState, stream, features, saved }: RouteContext,
): void {
  const sites = () => getState().results.dictionaries.map((dictionary) => dictionary.site);

  server.get('/api/study', async () => getState());

  server.get('/api/events', (_request, reply) => {
    reply.hijack();
    stream.open(reply.raw);
  });

  server.get('/api/features', async (request) => {
    const { site, ...query } = parse(listQuery, request.query);
    const list = await features.list(site, query);
    if (!list) throw unknownSite(site, sites());
    return list;
  });

  server.get('/api/features/:site/:id', async (request) => {
    const { site, id } = parse(featureParams, request.params);
    const feature = await features.read(site, id);
    if (feature) return feature;
    if (!sites().includes(site)) throw unknownSite(site, sites());
    throw new StudyError('studio.unknown-feature', `${site} has no feature ${id}`, {
      where: site,
      hint: 'feature numbers go from 0 to the number of features of the site − 1',
    });
  });

  server.get('/api/circuits/:task', async (request): Promise<CircuitResult> => {
    const { task } = parse(z.object({ task: z.string().max(200) }), request.params);
    const { circuits } = getState().results;
    const circuit = circuits.find((one) => one.task === task);
    if (circuit) return circuit;
    const known = nearestNames(
      task,
      circuits.map((one) => one.task),
    );
    throw new StudyError('studio.unknown-circuit', `no circuit is known for the task ${task}`, {
      where: task,
      hint: known.length > 0 ? `tasks with a circuit: ${known.join(', ')}` : 'no circuit has been found yet',
    });
  });
  server.get('/api/bias', async () => ({ names: await saved.biasNames() }));

  server.get('/api/bias/:name', async (request) => {
    const { name } = parse(z.object({ name: z.string().max(200) }), request.params);
    const found = await saved.bias(name);
    if (found !== undefined) return found;
    const known = await saved.biasNames();
    throw new StudyError('studio.unknown-bias', `no bias study "${name}" lies in this workspace`, {
      where: name,
      hint: known.length > 0 ? `there are ${known.join(', ')}` : '`untangle study bias` makes one',
    });
  });

  server.get('/api/energy/:kind', async (request) => {
    const { kind } = parse(z.object({ kind: z.enum(savedKinds) }), request.params);
    // Nothing measured yet is an answer, no failure.
    return { result: (await saved.energy(kind)) ?? null };
  });
}

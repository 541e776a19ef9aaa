/** @file The Studio's server: on this machine only, reading results and never computing them. */
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { FileError, reportError, StudyError, UntangleError } from '../core/errors.ts';
import type { StudyStore } from '../study/state.ts';
import { eventStream } from './events.ts';
import { type FeatureSource, noFeatures } from './features.ts';
import { addRoutes } from './routes.ts';
import { nothingSaved, type SavedSource } from './saved.ts';

export interface StudioOptions {
  /** The study that is shown; it may go on running. */
  readonly store: Pick<StudyStore, 'get' | 'subscribe'>;
  /** Port on 127.0.0.1; any free one when left out. */
  readonly port?: number;
  /** Where feature pages come from (closed with the server); none when left out. */
  readonly features?: FeatureSource;
  /** Results that commands left in the workspace; none when left out. */
  readonly saved?: SavedSource;
  /** Folder of the built pages; the package's own when left out. */
  readonly pages?: string;
}

export interface Studio {
  readonly url: string;
  close(): Promise<void>;
}

const builtPages = fileURLToPath(new URL('../../web/dist', import.meta.url));

/**
 * Serves the Studio on 127.0.0.1.
 * @throws FileError `studio.no-pages` when the pages are not built, StudyError `studio.port` when the port is taken.
 */
export async function startStudio(options: StudioOptions): Promise<Studio> {
  const pages = options.pages ?? builtPages;
  if (!existsSync(join(pages, 'index.html'))) {
    throw new FileError('studio.no-pages', 'the pages of the Studio are not built', {
      where: pages,
      hint: 'run `npm run build:web`, or `npm start`, which does it by itself',
    });
  }
  const server = fastify({
    logger: false,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 300 },
  });
  const stream = eventStream(options.store);
  guard(server);
  answerFailures(server);
  addRoutes(server, {
    ...{ getState: options.store.get, stream },
    ...{ features: options.features ?? noFeatures, saved: options.saved ?? nothingSaved },
  });
  await server.register(fastifyStatic, { root: pages, wildcard: true, index: ['index.html'] });

  await server.listen({ host: '127.0.0.1', port: options.port ?? 0 }).catch((cause: unknown) => {
    throw new StudyError('studio.port', `port ${options.port} cannot be used`, {
      hint: 'leave --port out to take any free one',
      cause,
    });
  });
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      stream.close();
      await server.close();
      await options.features?.close();
    },
  };
}

/** Only pages of this machine may ask (a foreign site that points its name here may not); nothing may frame us. */
function guard(server: FastifyInstance): void {
  server.addHook('onRequest', async (request, reply) => {
    const host = (request.headers.host ?? '').replace(/:\d+$/, '');
    if (host !== '127.0.0.1' && host !== 'localhost' && host !== '[::1]') {
      throw new StudyError('studio.foreign-host', 'the Studio answers only to this machine', {
        where: host,
        hint: 'open the address that the command printed',
      });
    }
    reply.header('x-content-type-options', 'nosniff');
    reply.header(
      'content-security-policy',
      "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; frame-ancestors 'none'",
    );
  });
}

const statusOf: Record<string, number> = {
  'studio.bad-request': 400,
  'studio.foreign-host': 403,
  'studio.unknown-site': 404,
  'studio.unknown-feature': 404,
  'studio.unknown-circuit': 404,
  'studio.unknown-bias': 404,
  'studio.unknown-address': 404,
};

const nothingAt = (address: string) =>
  new StudyError('studio.unknown-address', `there is nothing at ${address}`, {
    where: address,
    hint: 'the addresses of the API are listed in docs/studio.md',
  });

/** Failures as ErrorReport JSON; addresses of pages get the page, which routes by itself. */
function answerFailures(server: FastifyInstance): void {
  server.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    // The web framework refuses broken addresses by itself (4xx without a code of ours).
    const refused = !(error instanceof UntangleError) && (error.statusCode ?? 500) < 500;
    const report = reportError(refused ? nothingAt(request.url) : error);
    return reply.code(statusOf[report.code] ?? 500).send(report);
  });
  server.setNotFoundHandler((request: FastifyRequest, reply: FastifyReply) => {
    const isFile = /^\/(api|assets)\/|\.(js|css|svg|png|ico|woff2|map)($|\?)/.test(request.url);
    if (request.method === 'GET' && !isFile) return reply.sendFile('index.html');
    return reply.code(404).send(reportError(nothingAt(request.url)));
  });
}

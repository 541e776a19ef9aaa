/** @file A hub on this machine for tests: the API, redirects to a second host that has the large files, and faults. */
import { createHash } from 'node:crypto';
import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';

export interface HubRepositoryFiles {
  readonly files: Readonly<Record<string, Buffer>>;
  /** Branches and tags; `main` leads to `commit` always. */
  readonly commit?: string;
  readonly revisions?: Readonly<Record<string, string>>;
  readonly licence?: string;
  /** The hub keeps data sets under names of their own. */
  readonly dataset?: boolean;
  /** Tokens that may read it; others are told that it is gated, or (hidden) that it is not there. */
  readonly gated?: readonly string[];
  readonly hidden?: readonly string[];
}

/** What the second host does wrong, once for each entry. */
export type Fault =
  | { readonly cutAfter: number }
  | { readonly status: number; readonly headers?: Record<string, string> }
  | { readonly content: Buffer }
  | { readonly ignoreRange: true }
  | { readonly stallAfter: number };

export interface Asked {
  readonly host: 'hub' | 'cdn';
  readonly url: string;
  readonly token: string | undefined;
  readonly range: string | undefined;
}

export interface TestHub {
  readonly url: string;
  readonly asked: Asked[];
  /** Faults of the second host, and of the hub's API. */
  readonly faults: Fault[];
  readonly apiFaults: Fault[];
  /** Bytes of content that the second host has sent. */
  sent(): number;
  close(): Promise<void>;
}

export const sha256Of = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
export const gitSha1Of = (data: Buffer): string =>
  createHash('sha1').update(`blob ${data.length}\0`).update(data).digest('hex');
export const commitOf = (name: string): string => createHash('sha1').update(name).digest('hex');

/** Files that the hub keeps on its second host. */
const isLarge = (path: string): boolean => /\.(safetensors|gguf|onnx|bin|parquet)$|_data$/.test(path);

const listen = (server: Server): Promise<number> =>
  new Promise((done) => server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port)));

/** Starts a hub with these repositories; with `tls` (key and certificate of localhost) over HTTPS. */
export async function startHub(
  repositories: Readonly<Record<string, HubRepositoryFiles>>,
  tls?: { readonly key: string; readonly cert: string },
): Promise<TestHub> {
  const asked: Asked[] = [];
  const faults: Fault[] = [];
  const apiFaults: Fault[] = [];
  let sent = 0;
  const note = (host: Asked['host'], request: IncomingMessage) =>
    asked.push({
      host,
      url: decodeURIComponent(request.url!),
      token: request.headers.authorization,
      range: request.headers.range,
    });
  const make = (listener: (request: IncomingMessage, response: ServerResponse) => void): Server =>
    tls ? (createHttps(tls, listener) as unknown as Server) : createHttp(listener);

  const cdn = make((request, response) => {
    note('cdn', request);
    const [, repository, path] = /^\/(.+?)::(.+)$/.exec(decodeURIComponent(request.url!))!;
    const file = repositories[repository!]!.files[path!]!;
    const fault = faults.shift();
    if (fault && 'status' in fault) return void response.writeHead(fault.status, fault.headers).end();
    const content = fault && 'content' in fault ? fault.content : file;
    const from =
      fault && 'ignoreRange' in fault ? undefined : /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
    const start = Number(from ?? 0);
    if (start >= content.length && from !== undefined) return void response.writeHead(416).end();
    const body = content.subarray(start);
    response.writeHead(from === undefined ? 200 : 206, {
      'content-length': body.length,
      etag: `"${sha256Of(file)}"`,
      ...(from === undefined
        ? {}
        : { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }),
    });
    const upTo =
      fault && 'cutAfter' in fault
        ? fault.cutAfter
        : fault && 'stallAfter' in fault
          ? fault.stallAfter
          : body.length;
    sent += Math.min(upTo, body.length);
    response.write(body.subarray(0, upTo), () => {
      // A stream that breaks drops what nobody has read yet: time to read it.
      if (fault && 'cutAfter' in fault) setTimeout(() => response.destroy(), 200);
      else if (!(fault && 'stallAfter' in fault)) response.end();
    });
  });
  const scheme = tls ? 'https' : 'http';
  const cdnUrl = `${scheme}://localhost:${await listen(cdn)}`;

  const hub = make((request, response) => {
    note('hub', request);
    const url = decodeURIComponent(request.url!);
    const refuse = (status: number, code?: string) =>
      void response
        .writeHead(status, code ? { 'x-error-code': code } : {})
        .end(JSON.stringify({ error: code }));
    const fault = apiFaults.shift();
    if (fault && 'status' in fault) return void response.writeHead(fault.status, fault.headers).end();
    const query = /^\/api\/(?:models|datasets)\?.*(search|author)=([^&]*)/.exec(url);
    if (query) {
      const [, by, word] = query;
      const matches = (id: string) => (by === 'author' ? id.startsWith(`${word}/`) : id.includes(word!));
      const found = Object.keys(repositories).filter(matches);
      return void response.end(JSON.stringify(found.map((id) => ({ id }))));
    }
    const token = request.headers.authorization?.replace('Bearer ', '');
    if (token === 'wrong') return refuse(401);
    const api = /^\/api\/(?:models|(datasets))\/([^/]+\/[^/]+)\/revision\/([^?]+)\?blobs=true$/.exec(url);
    const resolve = /^\/(?:(datasets)\/)?([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(url);
    const [, datasets, id, revision, path] = api ?? resolve ?? [];
    const repository = repositories[id ?? ''];
    if (
      !repository ||
      (repository.dataset === true) !== (datasets !== undefined) ||
      (repository.hidden && !repository.hidden.includes(token ?? ''))
    )
      return refuse(token ? 404 : 401, 'RepoNotFound');
    const commit = repository.commit ?? commitOf(id!);
    const commits = new Map([['main', commit], ...Object.entries(repository.revisions ?? {})]);
    const found = commits.get(revision!) ?? [...commits.values()].find((one) => one === revision);
    if (found === undefined) return refuse(404, 'RevisionNotFound');
    if (api) {
      const siblings = Object.entries(repository.files).map(([rfilename, data]) => ({
        rfilename,
        size: data.length,
        blobId: gitSha1Of(data),
        ...(isLarge(rfilename)
          ? { lfs: { sha256: sha256Of(data), size: data.length, pointerSize: 134 } }
          : {}),
      }));
      const { licence, gated } = repository;
      const cardData = licence ? { license: licence } : undefined;
      return void response.end(
        JSON.stringify({ id, sha: found, gated: gated ? 'auto' : false, cardData, siblings }),
      );
    }
    if (repository.gated && !repository.gated.includes(token ?? ''))
      return refuse(token ? 403 : 401, 'GatedRepo');
    const file = repository.files[path!];
    if (!file) return refuse(404, 'EntryNotFound');
    if (isLarge(path!)) {
      const location = `${cdnUrl}/${encodeURIComponent(`${id}::${path}`)}`;
      return void response
        .writeHead(302, { location, 'x-linked-etag': `"${sha256Of(file)}"`, 'x-linked-size': file.length })
        .end();
    }
    response.writeHead(200, { etag: `"${gitSha1Of(file)}"`, 'content-length': file.length }).end(file);
  });
  const url = `${scheme}://localhost:${await listen(hub)}`;
  return {
    url,
    asked,
    faults,
    apiFaults,
    sent: () => sent,
    async close() {
      for (const server of [hub, cdn]) {
        server.closeAllConnections();
        await new Promise((done) => server.close(done));
      }
    },
  };
}

export interface TestProxy {
  readonly url: string;
  /** Hosts that were asked for, `host:port`. */
  readonly tunnels: string[];
  close(): Promise<void>;
}

/** A forward proxy that makes tunnels (CONNECT), and demands `password` (user:password) when one is given. */
export async function startProxy(password?: string): Promise<TestProxy> {
  const tunnels: string[] = [];
  const open = new Set<Socket>();
  const proxy = createHttp((_, response) => void response.writeHead(405).end());
  proxy.on('connect', (request, socket: Socket) => {
    const expected = password === undefined ? undefined : `Basic ${Buffer.from(password).toString('base64')}`;
    if (expected !== undefined && request.headers['proxy-authorization'] !== expected) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    tunnels.push(request.url!);
    const [host, port] = request.url!.split(':');
    const there = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      there.pipe(socket);
      socket.pipe(there);
    });
    for (const end of [there, socket]) {
      open.add(end);
      end.on('error', () => end.destroy());
    }
  });
  const url = `http://${password === undefined ? '' : `${password}@`}127.0.0.1:${await listen(proxy)}`;
  return {
    url,
    tunnels,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((done) => proxy.close(done));
    },
  };
}

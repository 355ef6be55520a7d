import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the built site. */
export const SITE = process.env.BODYMAP_SITE ?? fileURLToPath(new URL('../../dist', import.meta.url));

const TYPES = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.css', 'text/css'],
  ['.js', 'text/javascript'],
  ['.json', 'application/json'],
  ['.webmanifest', 'application/manifest+json'],
  ['.svg', 'image/svg+xml'],
  ['.png', 'image/png'],
  ['.jpg', 'image/jpeg'],
  ['.wasm', 'application/wasm'],
]);

/** A page that is not ours, from which bodymap.js is imported. */
export const HOST = 'host.html';
const HOST_PAGE = Buffer.from('<!doctype html><title>host</title><link rel="icon" href="data:,">');

/**
 * Serves the built site on a loopback port.
 *
 * @param {object} [options]
 * @param {boolean} [options.headers] COOP, COEP and the CSP of index.html, as the project's own server sends them;
 *   false is plain static hosting
 * @param {string} [options.prefix] path below which the site is found
 * @param {(path: string, body: Buffer) => Buffer | null} [options.alter] changes a file on its way; null is a 404
 * @param {{ [path: string]: string | Buffer }} [options.pages] files beside those of the site
 * @param {Map<string, Buffer>} [options.files] further files by path, in place of the site's of that path
 * @param {{ [name: string]: string }} [options.more] headers, also in place of ours
 * @param {string} [options.folder] served in place of the site
 */
export async function serveSite({
  headers = true,
  prefix = '/',
  alter = (_, body) => body,
  pages = {},
  files = new Map(),
  more = {},
  folder = SITE,
} = {}) {
  /** @type {string[]} */
  const requests = [];
  const policy = /Content-Security-Policy" content="([^"]+)"/.exec(await readFile(join(SITE, 'index.html'), 'utf8'))?.[1];
  const isolation = {
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-resource-policy': 'same-origin',
    'content-security-policy': policy,
  };

  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    requests.push(pathname);
    const path = pathname.startsWith(prefix) ? normalize(pathname.slice(prefix.length) || 'index.html') : '..';
    const own = path === HOST ? HOST_PAGE : Object.hasOwn(pages, path) ? Buffer.from(pages[path]) : null;
    const body = path.startsWith('..') || own ? null : (files.get(path) ?? (await readFile(join(folder, path)).catch(() => null)));
    const sent = own ?? (body && alter(path, body));
    if (!sent) return response.writeHead(404).end();
    response.writeHead(200, {
      'content-type': TYPES.get(extname(path)) ?? 'application/octet-stream',
      'cache-control': 'no-cache',
      ...(headers ? isolation : {}),
      ...more,
    });
    response.end(sent);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(null)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}${prefix}`,
    /** Paths requested so far. */
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

import { scriptUrl } from '../api/script-url.js';

const RELOADED = 'bodymap.reloaded';
/** A page that the service worker does not take over goes on without it. */
const PATIENCE = 5000;

/**
 * Installs the service worker, which keeps the page's files for use without a
 * network and adds the headers that make the page cross-origin isolated. Where
 * the server does not send these headers itself, the page reloads, once a tab.
 *
 * @param {() => boolean} mayReload false when the reader has begun to work
 * @returns {Promise<boolean>} whether the page is kept for use without a network
 */
export async function startServiceWorker(mayReload) {
  const container = navigator.serviceWorker;
  if (!container) return false;
  try {
    const url = scriptUrl(new URL('../sw.js', import.meta.url));
    const active = await activeWorker(await container.register(url, { updateViaCache: 'none' }));
    if (!container.controller) {
      const taken = new Promise((resolve) => container.addEventListener('controllerchange', resolve, { once: true }));
      active.postMessage('claim');
      await Promise.race([taken, new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
    }
  } catch {
    // Blocked, as in some private windows, or not installed for want of room.
    return false;
  }
  if (!container.controller) return false;
  if (!globalThis.crossOriginIsolated && mayReload() && isFirstReload()) {
    location.reload();
    await new Promise(() => {});
  }
  return true;
}

/**
 * Unlike `ready`, it does not wait for ever where the installation fails.
 *
 * @param {ServiceWorkerRegistration} registration
 * @returns {Promise<ServiceWorker>}
 */
async function activeWorker({ active, installing, waiting }) {
  if (active) return active;
  const worker = /** @type {ServiceWorker} */ (installing ?? waiting);
  await new Promise((resolve, reject) => {
    worker.addEventListener('statechange', () => {
      if (worker.state === 'activated') resolve(null);
      if (worker.state === 'redundant') reject(new Error('the service worker could not be installed'));
    });
  });
  return worker;
}

function isFirstReload() {
  try {
    if (sessionStorage.getItem(RELOADED)) return false;
    sessionStorage.setItem(RELOADED, 'yes');
    return true;
  } catch {
    // Without storage nothing would stop the next reload.
    return false;
  }
}

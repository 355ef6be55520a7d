import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** WebKitGTK's driver starts MiniBrowser, which comes with it and needs a display. */
const DRIVER = '/usr/bin/WebKitWebDriver';
const DISPLAY = '/usr/bin/Xvfb';

/** Why WebKitGTK is not tried here, if it is not. */
export const missing =
  ![DRIVER, DISPLAY].every((path) => existsSync(path)) &&
  'NOT TRIED: there is no WebKitGTK here; on Debian install webkit2gtk-driver and xvfb';

/** Milliseconds that a script in a page may take. */
const PATIENCE = 300_000;

/**
 * A window of WebKitGTK's MiniBrowser, driven by the WebDriver protocol.
 *
 * @param {import('node:test').TestContext} test when it ends, all of it is closed
 * @param {{ [name: string]: string }} [environment] of the browser
 */
export async function openWebKit(test, environment = {}) {
  const display = spawn(DISPLAY, ['-displayfd', '3', '-screen', '0', '1400x1000x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  /** @type {(() => unknown)[]} */
  const closers = [() => display.kill()];
  test.after(async () => {
    for (const close of closers.reverse()) await close();
  });
  const [number] = await once(createInterface(/** @type {import('node:stream').Readable} */ (display.stdio[3])), 'line');

  const port = await freePort();
  const env = { ...process.env, DISPLAY: `:${number}`, ...environment };
  const driver = spawn(DRIVER, [`--port=${port}`], { stdio: 'ignore', env });
  closers.push(() => driver.kill());
  const driverUrl = `http://127.0.0.1:${port}`;
  while (!(await ask('GET', `${driverUrl}/status`).catch(() => null))) {
    if (driver.exitCode !== null) throw new Error(`${DRIVER} ended with exit status ${driver.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { sessionId, capabilities } = await ask('POST', `${driverUrl}/session`, { capabilities: {} });
  const session = `${driverUrl}/session/${sessionId}`;
  closers.push(() => ask('DELETE', session));
  test.diagnostic(`${capabilities.browserName} ${capabilities.browserVersion}`);
  await ask('POST', `${session}/timeouts`, { script: PATIENCE });

  return {
    /** @param {string} url */
    goto: (url) => ask('POST', `${session}/url`, { url }),
    /**
     * @template A, R
     * @param {(argument: A) => R} task
     * @param {A} argument
     * @returns {Promise<Awaited<R>>}
     */
    async run(task, argument) {
      const script = `const [argument, done] = arguments;
        Promise.resolve(argument).then(${task}).then((value) => done({ value }), (error) => done({ error: String(error) }));`;
      const { value, error } = await ask('POST', `${session}/execute/async`, { script, args: [argument] });
      if (error !== undefined) throw new Error(error);
      return value;
    },
    /** @returns {Promise<Buffer>} PNG */
    async screenshot() {
      return Buffer.from(await ask('GET', `${session}/screenshot`), 'base64');
    },
  };
}

/**
 * A command to the driver.
 *
 * @param {string} method
 * @param {string} url
 * @param {object} [body]
 * @returns {Promise<any>}
 */
async function ask(method, url, body) {
  const response = await fetch(url, { method, body: body && JSON.stringify(body) });
  const { value } = /** @type {{ value: any }} */ (await response.json());
  if (!response.ok) throw new Error(`${method} ${url}: ${value?.error}: ${value?.message}`);
  return value;
}

/** @returns {Promise<number>} */
async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(null)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

import { existsSync } from 'node:fs';

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium'].find((path) => path && existsSync(path));

/**
 * How the browser is launched: the one of CHROMIUM or of the system.
 *
 * @type {import('playwright-core').LaunchOptions}
 */
export const LAUNCH = executablePath ? { executablePath, args } : { channel: 'chrome', args };

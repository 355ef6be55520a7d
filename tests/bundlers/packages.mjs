import { fileURLToPath } from 'node:url';

/** Folder of what `scripts/package` has packed. */
export const PACKAGES = process.env.BODYMAP_PACKAGES ?? fileURLToPath(new URL('../../dist-npm/', import.meta.url));

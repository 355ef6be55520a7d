import assert from 'node:assert/strict';
import { test } from 'node:test';

import { droppedFiles } from '../../www/page/photo-files.js';

/**
 * What a browser gives out of a drop.
 *
 * @param {object[]} entries
 */
function dropOf(...entries) {
  return /** @type {any} */ ({ items: entries.map((entry) => ({ webkitGetAsEntry: () => entry })), files: [] });
}

/**
 * @param {string} fullPath
 * @param {object[][]} parts
 */
function folder(fullPath, parts) {
  const createReader = () => {
    const rest = [...parts, []];
    return { readEntries: (/** @type {(part: object[]) => void} */ resolve) => resolve(rest.shift() ?? []) };
  };
  return { fullPath, isDirectory: true, isFile: false, createReader };
}

const photo = (/** @type {string} */ fullPath) => ({
  fullPath,
  isDirectory: false,
  isFile: true,
  file: (/** @type {(file: File) => void} */ resolve) => resolve(new File(['x'], 'p.jpg', { type: 'image/jpeg' })),
});

const gone = {
  fullPath: '/beach/gone.jpg',
  isDirectory: false,
  isFile: true,
  file: (/** @type {unknown} */ _, /** @type {(reason: Error) => void} */ reject) => reject(new DOMException('it is gone', 'NotFoundError')),
};

test('the photos of a folder, with the names below it', async () => {
  const found = await droppedFiles(dropOf(folder('/beach', [[photo('/beach/b.jpg')], [folder('/beach/a', [[photo('/beach/a/p.jpg')]])]])));
  assert.deepEqual(found.map(({ name }) => name), ['a/p.jpg', 'b.jpg']);
});

test('a folder that cannot be read is told with a code', async () => {
  await assert.rejects(droppedFiles(dropOf(folder('/beach', [[photo('/beach/b.jpg'), gone]]))), { code: 'unreadable-file' });
});

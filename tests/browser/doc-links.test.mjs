import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';

const ROOT = new URL('../../', import.meta.url);

/** The pages of the documentation, by their addresses. */
async function pages() {
  const found = [];
  for (const folder of ['', 'docs/', 'models/', 'tests/truth/', 'tests/m2fp/']) {
    const recursive = folder === 'models/';
    for (const name of await readdir(new URL(folder, ROOT), { recursive })) {
      if (name.endsWith('.md')) found.push(new URL(folder + name, ROOT));
    }
  }
  return found;
}

/**
 * The anchors of a page's headings, as GitHub makes them.
 *
 * @param {string} page
 */
function anchors(page) {
  const text = page.replaceAll(/^```.*?^```$/gms, '');
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-'),
  );
}

test('links in the documentation lead to files, and to headings that are there', async () => {
  let count = 0;
  for (const address of await pages()) {
    const page = (await readFile(address, 'utf8')).replaceAll(/^```.*?^```$/gms, '');
    for (const [, link] of page.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue;
      const target = new URL(link, address);
      const anchor = decodeURIComponent(target.hash.slice(1));
      target.hash = '';
      assert.ok(existsSync(target), `${address.pathname}: ${link} leads nowhere`);
      if (anchor) assert.ok(anchors(await readFile(target, 'utf8')).includes(anchor), `${address.pathname}: ${link} has no such heading`);
      count++;
    }
  }
  assert.ok(count > 20, `${count} links`);
});

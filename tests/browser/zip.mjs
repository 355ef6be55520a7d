import assert from 'node:assert/strict';

/**
 * The files of a zip whose entries are stored as they are.
 *
 * @param {Buffer} zip
 * @returns {Map<string, Buffer>} by path
 */
export function readZip(zip) {
  const end = zip.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  assert.ok(end >= 0, 'no end of a zip');
  /** @type {Map<string, Buffer>} */
  const files = new Map();
  let at = zip.readUInt32LE(end + 16);
  for (let n = zip.readUInt16LE(end + 10); n > 0; n--) {
    assert.equal(zip.readUInt16LE(at + 10), 0, 'a compressed entry');
    const [size, name, extra, comment] = [zip.readUInt32LE(at + 24), ...[28, 30, 32].map((of) => zip.readUInt16LE(at + of))];
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const path = zip.toString('utf8', at + 46, at + 46 + name);
    assert.ok(!files.has(path), `${path} twice`);
    files.set(path, zip.subarray(start, start + size));
    at += 46 + name + extra + comment;
  }
  return files;
}

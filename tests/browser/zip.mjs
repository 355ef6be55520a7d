import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';

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

/**
 * A zip whose entries are stored as they are.
 *
 * @param {Map<string, Buffer>} files
 * @returns {Buffer}
 */
export function writeZip(files) {
  const entries = [];
  const directory = [];
  let at = 0;
  for (const [path, bytes] of files) {
    const name = Buffer.from(path);
    const sums = Buffer.alloc(16);
    [crc32(bytes), bytes.length, bytes.length].forEach((value, i) => sums.writeUInt32LE(value, 4 * i));
    sums.writeUInt16LE(name.length, 12);
    const offset = Buffer.alloc(4);
    offset.writeUInt32LE(at);
    const entry = Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(10), sums, name, bytes]);
    entries.push(entry);
    at += entry.length;
    directory.push(Buffer.from('PK\x01\x02'), Buffer.alloc(12), sums.subarray(0, 14), Buffer.alloc(12), offset, name);
  }
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(files.size, 8);
  end.writeUInt16LE(files.size, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...entries, ...directory, end]);
}

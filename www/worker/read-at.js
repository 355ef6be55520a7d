/**
 * Reads parts of a file when they are asked for, so that it need not be in memory.
 *
 * @param {Blob} file
 * @returns {(offset: number, length: number) => Uint8Array<ArrayBuffer>}
 */
export function readAt(file) {
  const reader = new FileReaderSync();
  return (offset, length) => new Uint8Array(reader.readAsArrayBuffer(file.slice(offset, offset + length)));
}

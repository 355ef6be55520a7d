import { readFileSync, readdirSync } from 'node:fs';

/** Ticks a second of the times in /proc; 100 on every Linux. */
const TICKS = 100;

/**
 * CPU seconds so far of a process and those it has started; null where there is no /proc.
 *
 * @param {number} root process id
 */
export function cpuSeconds(root) {
  /** @type {Map<number, { parent: number, ticks: number }>} */
  const processes = new Map();
  try {
    for (const name of readdirSync('/proc')) {
      const known = /^\d+$/.test(name) && readStat(Number(name));
      if (known) processes.set(Number(name), known);
    }
  } catch {
    return null;
  }
  let ticks = 0;
  for (const id of processes.keys()) {
    if (descends(id, root, processes)) ticks += processes.get(id)?.ticks ?? 0;
  }
  return processes.has(root) ? ticks / TICKS : null;
}

/** @param {number} id */
function readStat(id) {
  try {
    // The name, in brackets, may contain anything.
    const fields = readFileSync(`/proc/${id}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return null;
  }
}

/**
 * @param {number} id
 * @param {number} root
 * @param {Map<number, { parent: number }>} processes
 */
function descends(id, root, processes) {
  for (let at = id; at > 0; at = processes.get(at)?.parent ?? 0) {
    if (at === root) return true;
  }
  return false;
}

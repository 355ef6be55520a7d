'use client';

import { BodyMap } from 'bodymap';
import { useRef } from 'react';

export default function Parser() {
  const canvas = useRef(null);
  async function parse({ target }) {
    const bodymap = await BodyMap.load({ workerUrl: '/bodymap/worker.js' });
    const parsing = await bodymap.parse(target.files[0]);
    await parsing.paint(canvas.current);
    // For the test.
    Object.assign(globalThis, { bodymap, parsing });
  }
  return (
    <>
      <input type="file" onChange={parse} />
      <canvas ref={canvas} />
    </>
  );
}

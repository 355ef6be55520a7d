import { BodyMap } from 'bodymap';
import { BodyMapElement } from 'bodymap/element';
import { BodyMapFrame } from 'bodymap/frame';

export async function render() {
  const failure = await BodyMap.load().catch((error) => error.code);
  return `${BodyMapElement.name} ${BodyMapFrame.name} ${failure}`;
}

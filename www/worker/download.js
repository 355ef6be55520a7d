import { BodyMapError } from '../api/error.js';

/**
 * A response with status 200, or a `download-failed` that says what is missing.
 *
 * @param {string} url
 * @returns {Promise<Response>}
 */
export async function download(url) {
  const { pathname } = new URL(url);
  /** @type {Response} */
  let response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw new BodyMapError('download-failed', `${pathname} could not be downloaded; check the connection`, cause);
  }
  if (response.ok) return response;
  throw new BodyMapError('download-failed', `${pathname} could not be downloaded: HTTP status ${response.status}`);
}

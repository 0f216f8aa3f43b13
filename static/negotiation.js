/** Asks the gateway for a plan: over the camera's socket where that opens quickly, else over HTTP. */

import { readPlan } from './plan.js';

/**
 * @typedef {import('./camera-link.js').CameraLink} CameraLink
 * @typedef {import('./plan.js').Plan} Plan
 * @typedef {import('./types.js').Message} Message
 */

const SOCKET_OPENS_MS = 150;
const ANSWER_MS = 2000;

/**
 * @param {CameraLink} link
 * @param {string} camera
 * @param {Record<string, unknown>} asked
 * @param {AbortSignal} signal
 * @returns {Promise<Plan | null>} null where neither way brings one
 */
export async function negotiate(link, camera, asked, signal) {
  const overSocket = await askSocket(link, asked, signal);
  if (overSocket || signal.aborted) return overSocket;
  return askHttp(link, camera, asked, signal);
}

/**
 * @param {CameraLink} link
 * @param {Record<string, unknown>} asked
 * @param {AbortSignal} ended
 * @returns {Promise<Plan | null>}
 */
function askSocket({ signalling }, asked, ended) {
  return new Promise((resolve) => {
    const done = new AbortController();
    const { signal } = done;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let deadline;
    /** @param {Plan | null} plan */
    const finish = (plan) => {
      clearTimeout(deadline);
      done.abort();
      resolve(plan);
    };
    deadline = setTimeout(() => finish(null), SOCKET_OPENS_MS);
    const send = () => {
      if (!signalling.send({ type: 'negotiate', value: asked })) return;
      clearTimeout(deadline);
      deadline = setTimeout(() => finish(null), ANSWER_MS);
    };
    ended.addEventListener('abort', () => finish(null), { signal });
    signalling.addEventListener('open', send, { signal });
    signalling.addEventListener('down', () => finish(null), { signal });
    signalling.addEventListener(
      'message',
      (event) => {
        const { type, value } = /** @type {CustomEvent<Message>} */ (event).detail;
        if (type === 'negotiate') finish(readPlan(value));
        // A gateway of another age knows no such message.
        else if (type === 'error' && typeof value === 'string' && value.startsWith('negotiate')) finish(null);
      },
      { signal },
    );
    send();
  });
}

/**
 * @param {CameraLink} link
 * @param {string} camera
 * @param {Record<string, unknown>} asked
 * @param {AbortSignal} ended
 * @returns {Promise<Plan | null>}
 */
async function askHttp(link, camera, asked, ended) {
  try {
    const answer = await fetch(await link.address(`api/cameras/${camera}/negotiate`), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(asked),
      signal: AbortSignal.any([ended, AbortSignal.timeout(ANSWER_MS)]),
    });
    return answer.ok ? readPlan(await answer.json()) : null;
  } catch {
    // Whatever is wrong, the page goes on with what it can tell itself.
    return null;
  }
}

/** Negotiates a peer connection over HTTP, for pages whose WebSockets are blocked (WHEP, draft-ietf-wish-whep). */

const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';
const RESTART_ANSWER_MS = 2500;
const NOTHING_NEW = 'a=end-of-candidates\r\n';

/** The gateway answered, and said no. */
export class Refused extends Error {
  /** @override */
  name = 'Refused';
}

/**
 * The answer after an ICE restart is the one before, with the credentials and candidates of the fragment.
 *
 * @param {string} answer
 * @param {string} fragment RFC 8840 section 9
 * @returns {string}
 */
export function restarted(answer, fragment) {
  const lines = fragment.split(/\r?\n/);
  const fresh = lines.filter((line) => /^a=ice-(ufrag|pwd):/.test(line)).slice(0, 2);
  const candidates = lines.filter((line) => line.startsWith('a=candidate:'));
  const sections = answer.split(/(?=^m=)/m);
  return sections
    .map((section, index) => {
      const kept = section.split(/\r?\n/).filter((line) => line && !/^a=(ice-ufrag|ice-pwd|candidate|end-of-candidates)/.test(line));
      const had = /^a=ice-ufrag:/m.test(section);
      const first = index === 1 ? [...candidates, 'a=end-of-candidates'] : [];
      return [...kept, ...(had ? fresh : []), ...first].map((line) => `${line}\r\n`).join('');
    })
    .join('');
}

/**
 * @param {string} sdp
 * @returns {string} its first section's ICE credentials
 */
function credentials(sdp) {
  const ufrag = /^a=ice-ufrag:.*$/m.exec(sdp)?.[0].trim();
  const password = /^a=ice-pwd:.*$/m.exec(sdp)?.[0].trim();
  return `${ufrag}\r\n${password}\r\n`;
}

export class WhepSession {
  #url = '';
  #etag = '';
  #answer = '';

  /**
   * @param {string} endpoint
   * @param {string} offer SDP
   * @param {AbortSignal} signal
   * @returns {Promise<string>} the answer's SDP
   * @throws {Refused}
   */
  async offer(endpoint, offer, signal) {
    const answer = await fetch(endpoint, { method: 'POST', headers: { 'Content-Type': SDP }, body: offer, signal });
    const body = await answer.text();
    if (!answer.ok) throw new Refused(messageOf(body, answer.status));
    this.#url = new URL(answer.headers.get('Location') ?? '', answer.url || endpoint).href;
    this.#etag = answer.headers.get('ETag') ?? '*';
    this.#answer = body;
    return body;
  }

  /**
   * @param {string} offer SDP with other ICE credentials than before
   * @returns {Promise<string | null>} the SDP to answer it with; null while the network is gone
   * @throws {Refused} when the session is
   */
  async restart(offer) {
    let answer;
    let fragment;
    try {
      answer = await this.#patch(credentials(offer), AbortSignal.timeout(RESTART_ANSWER_MS));
      fragment = await answer.text();
    } catch {
      return null;
    }
    if (!answer.ok) throw new Refused(messageOf(fragment, answer.status));
    this.#etag = answer.headers.get('ETag') ?? this.#etag;
    this.#answer = restarted(this.#answer, fragment);
    return this.#answer;
  }

  /**
   * What comes from now on is watched with this endpoint's grant.
   *
   * @param {string} endpoint
   * @param {AbortSignal} signal
   */
  async renew(endpoint, signal) {
    if (!this.#url) return;
    const secret = this.#url.slice(this.#url.lastIndexOf('/') + 1);
    this.#url = `${endpoint.split('?')[0]}/${secret}`;
    await this.#patch(NOTHING_NEW, signal);
  }

  /**
   * @param {string} mode from now on
   * @param {AbortSignal} signal
   */
  async tellMode(mode, signal) {
    if (this.#url) await this.#patch(NOTHING_NEW, signal, `?mode=${mode}`);
  }

  /** Tells the gateway, which would notice by itself half a minute later. */
  end() {
    if (this.#url) void fetch(this.#url, { method: 'DELETE', keepalive: true }).catch(() => undefined);
    this.#url = '';
  }

  /**
   * @param {string} body
   * @param {AbortSignal} signal
   * @param {string} [query]
   */
  #patch(body, signal, query = '') {
    return fetch(this.#url + query, { method: 'PATCH', headers: { 'Content-Type': FRAGMENT, 'If-Match': this.#etag }, body, signal });
  }
}

/**
 * @param {string} body
 * @param {number} status
 * @returns {string} a sentence for people
 */
function messageOf(body, status) {
  try {
    const message = JSON.parse(body)?.error?.message;
    if (typeof message === 'string') return message;
  } catch {
    // A proxy in between says it in its own way.
  }
  return `The gateway answered ${status} to the offer.`;
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { PlaylistAccess } from '../../static/rungs/playlist-access.js';

/** @param {string} letter */
const token = (letter) => `k1.1790000000.0123456789abcdef.${letter.repeat(64)}`;
const [FIRST, SECOND, THIRD] = ['a', 'b', 'c'].map(token);
const INDEX = `https://m/cam/index.m3u8?grant=${FIRST}`;

/**
 * @param {(url: string) => {ok?: boolean, url?: string, text?: string} | Promise<never>} answer
 */
function access(answer) {
  /** @type {string[]} */
  const asked = [];
  /** @param {string} url */
  const load = async (url) => {
    asked.push(url);
    const { ok = true, url: answered = url, text = '' } = await answer(url);
    return { ok, url: answered, text: () => Promise.resolve(text) };
  };
  const fetcher = /** @type {typeof fetch} */ (/** @type {unknown} */ (load));
  return { asked, playlist: new PlaylistAccess(INDEX, new AbortController().signal, fetcher) };
}

/** @param {string} session @param {string} grant */
const opened = (session, grant) => ({
  url: `https://m/cam/index.m3u8?cookieCheck=1&grant=${grant}`,
  text: `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmain.m3u8?grant=${grant}&session=${session}\n`,
});

describe('the addresses below a playlist', () => {
  it('stay as they are until there is another grant', () => {
    const { playlist } = access(() => assert.fail('nothing is to be asked'));
    assert.equal(playlist.address(`https://m/g/${FIRST}/cam/p1.m4s`), `https://m/g/${FIRST}/cam/p1.m4s`);
    assert.equal(playlist.index, INDEX);
  });

  it('are opened by the newest grant, without asking anybody where there are no sessions', async () => {
    const { asked, playlist } = access(() => assert.fail('nothing is to be asked'));
    playlist.address(`https://e/g/${FIRST}/cam/p1.m4s`);
    await playlist.renew(SECOND);
    assert.equal(playlist.address(`https://e/g/${FIRST}/cam/p2.m4s?_HLS_msn=1`), `https://e/g/${SECOND}/cam/p2.m4s?_HLS_msn=1`);
    assert.equal(playlist.index, INDEX.replace(FIRST, SECOND));
    assert.deepEqual(asked, []);
  });

  it('get a session of the newest grant where a session is what opens them', async () => {
    const { asked, playlist } = access(() => opened('two', SECOND));
    const part = `https://m/cam/part1.mp4?grant=${FIRST}&session=one`;
    assert.equal(playlist.address(part), part);
    await playlist.renew(SECOND);
    assert.deepEqual(asked, [INDEX.replace(FIRST, SECOND)]);
    assert.equal(playlist.address(part), part.replace(FIRST, SECOND).replace('one', 'two'));
  });

  for (const [name, answer] of /** @type {[string, () => {ok?: boolean, text?: string} | Promise<never>][]} */ ([
    ['is refused', () => ({ ok: false })],
    ['does not come', () => Promise.reject(new TypeError('network'))],
    ['is empty', () => ({ text: '#EXTM3U\n' })],
  ])) {
    it(`keep the session they have when the next ${name}`, async () => {
      const { playlist } = access(answer);
      playlist.address('https://m/cam/part1.mp4?session=one');
      await playlist.renew(SECOND);
      assert.equal(playlist.address('https://m/cam/part1.mp4?session=one'), 'https://m/cam/part1.mp4?session=one');
    });
  }

  it('take the session of the last grant, whichever answer comes last', async () => {
    /** @type {(() => void)[]} */
    const answers = [];
    const { playlist } = access((url) => {
      const grant = url.includes(SECOND) ? SECOND : THIRD;
      const answer = opened(grant === SECOND ? 'two' : 'three', grant);
      return new Promise((resolve) => {
        answers.push(() => resolve(/** @type {never} */ (answer)));
      });
    });
    playlist.address('https://m/cam/part1.mp4?session=one');
    const renewed = [playlist.renew(SECOND), playlist.renew(THIRD)];
    for (const answer of answers.reverse()) answer();
    await Promise.all(renewed);
    assert.equal(playlist.address('https://m/cam/part1.mp4?session=one'), 'https://m/cam/part1.mp4?session=three');
  });
});

/**
 * Shapes shared between modules: what protocol.md puts on the wire, and what the page makes of it.
 *
 * @typedef {'idle' | 'connecting' | 'live' | 'stalled' | 'offline' | 'unsupported'} CameraState
 *
 * @typedef {object} Reason
 * @property {string} code
 * @property {string} message a sentence for people
 * @property {string | null} [address] host and port; only admins get it
 *
 * @typedef {object} VideoInfo
 * @property {string} codec RFC 6381
 * @property {number} width
 * @property {number} height
 * @property {number} fps 0 while unknown
 * @property {number | null} [gop_s]
 * @property {boolean} [b_frames]
 * @property {number | null} [bitrate_bps]
 *
 * @typedef {object} RungOffer
 * @property {boolean} ok
 * @property {{code: string, message: string} | null} [audio] why this rung has no sound
 *
 * @typedef {object} Camera protocol.md, "Camera"
 * @property {string} name
 * @property {CameraState} state
 * @property {Reason | null} reason
 * @property {number} since unix seconds on the gateway's clock
 * @property {number | null} [retry_at] unix seconds on the gateway's clock
 * @property {VideoInfo | null} [video]
 * @property {{codec: string} | null} [audio]
 * @property {Record<string, RungOffer>} [rungs]
 *
 * @typedef {{rendition: 'main' | 'substream', reason: string | null}} RenditionWord what WebRTC brings, and why not all
 *
 * @typedef {RenditionWord & {atS: number}} RenditionRun since when, in seconds after the player started
 *
 * @typedef {object} ClockReply protocol.md, "WebSocket": all times in seconds
 * @property {number} t0
 * @property {number} t1
 * @property {number} t2
 * @property {number | null} [rtp_timestamp]
 * @property {number | null} [clock_rate]
 * @property {number | null} [captured_at]
 *
 * @typedef {{type: string, value: unknown, captured_at?: number}} Message `mse` says when its time 0 was captured, in unix
 *   seconds on the gateway's clock
 *
 * @typedef {object} Failure why a rung gave up
 * @property {'absent' | 'candidates' | 'codec' | 'grant' | 'signalling' | 'refused' | 'ice' | 'relay' | 'loss' | 'dtls' | 'first-frame' | 'lost' | 'network' | 'decode' | 'missing'} code
 * @property {string} message a sentence for people
 *
 * @typedef {object} RungRun one try at one rung
 * @property {string} rung
 * @property {number} atS seconds after the player started
 * @property {number | null} firstPictureS seconds after this try began
 * @property {string | null} end why it ended; null while it runs
 *
 * @typedef {'starting' | 'playing' | 'stopped' | 'unplayable' | 'no-protocol' | 'unknown' | 'signed-out' | 'forbidden'} Phase
 *
 * @typedef {object} Situation everything the words on a tile depend on; times are unix milliseconds of this browser
 * @property {Phase} phase
 * @property {Camera | null} camera
 * @property {{since: number, reason: Reason | null} | null} outage since the camera was last reachable; stays through tries
 * @property {number} clockOffsetMs gateway's clock minus this browser's
 * @property {number} startedAt when waiting for this picture began
 * @property {number} progress 0 to 1, how far connecting has come
 * @property {number | null} lastPictureAt
 * @property {boolean} silent pictures came, and then stopped coming
 * @property {import('./recovery.js').Cause | null} cause why they did
 * @property {boolean} catchingUp
 * @property {boolean} smaller whether WebRTC brings the camera's substream, as the network is too narrow for more
 * @property {number | null} gatewayDownSince
 * @property {number | null} gatewayRetryAt
 * @property {boolean} ungranted the gateway is away only because this page is given no grant to ask it with
 * @property {number} failures tries in a row that ended without a picture
 * @property {Failure | null} failure the latest of them
 * @property {readonly {rung: string, code: string, message: string}[]} tried why each rung failed since pictures last came
 * @property {{code: string, message: string} | null} lowered why a better protocol doesn't play, or the one that was asked for
 * @property {string} protocol of the rung that plays or is tried: webrtc, mse, ll-hls or hls
 * @property {string | null} transport what carries it: UDP, TCP, relay or WebSocket; null where there is no more to say
 *
 * @typedef {object} Words
 * @property {string} kind names the state, for styles and for `statechange`
 * @property {string} mark a word or two for the tile's corner; empty when all is well
 * @property {string} title the sentence; empty when the picture says it all
 * @property {string} detail why, or what would help
 * @property {string} spoken what a screen reader is told when `kind` changes: nothing in it counts
 * @property {'clear' | 'dimmed' | 'greyed'} picture
 * @property {boolean} needsPerson nothing here will heal by itself
 * @property {boolean} waiting show the progress line
 * @property {'retry' | 'sign-in' | 'home' | null} action
 *
 * @typedef {object} Metrics what a measurement can read from `<camera-view>`
 * @property {number | null} firstPictureMs from `start()` to the first picture on the screen
 * @property {number | null} latencyMs capture to screen, now
 * @property {'picture' | 'clock' | null} latencySource read off the picture, or mapped from the stream's own time
 * @property {number} framesPresented since `start()`
 * @property {number} stalls
 * @property {number} reconnects
 * @property {string | null} rung
 * @property {string | null} transport
 * @property {boolean} catchingUp
 */

export {};

// Plays one manifest with one player, and reports how it went.
//
// The order stands in the fragment, as JSON with the attributes of `Order` in cells.py; what is
// reported has those of `Outcome`. The binding `report` is made by the driver of the browser.

const KEY_SYSTEM = "org.w3.clearkey";
// Little, so that a seek finds nothing loaded ahead and has to ask for its segment.
const AHEAD_S = 2;
const POLL_MS = 20;

const SCRIPTS = {
  "shaka-player": "shaka-player/dist/shaka-player.compiled.js",
  "dash.js": "dashjs/dist/modern/umd/dash.all.min.js",
  "hls.js": "hls.js/dist/hls.min.js",
};

const order = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const video = document.querySelector("video");
const errors = [];
const outcome = {
  start_ms: null,
  position_s: 0,
  codec: "",
  decoded_bytes: 0,
  seek_ms: null,
  is_ended: false,
  errors,
};

// Each gives the player its manifest and returns a function that tells the codec playing.
const START = {
  async "shaka-player"() {
    const player = new shaka.Player();
    player.addEventListener("error", ({ detail }) => failed(describeShaka(detail)));
    player.configure({
      drm: order.license_url ? await drmOfShaka() : {},
      preferredAudio: [{ codec: order.codec }],
      streaming: { bufferingGoal: AHEAD_S },
    });
    await player.attach(video);
    player.load(order.manifest_url).catch((error) => failed(describeShaka(error)));
    return () => player.getVariantTracks().find((track) => track.active)?.audioCodec;
  },

  "dash.js"() {
    const player = dashjs.MediaPlayer().create();
    player.on(dashjs.MediaPlayer.events.ERROR, ({ error }) =>
      failed(`${error.code} ${error.message}`),
    );
    player.initialize();
    player.updateSettings({ streaming: { buffer: { bufferTimeDefault: AHEAD_S } } });
    if (order.license_url) {
      player.setProtectionData({ [KEY_SYSTEM]: { serverURL: order.license_url } });
    }
    player.setInitialMediaSettingsFor("audio", { codec: `audio/mp4;codecs="${order.codec}"` });
    player.attachView(video);
    player.attachSource(order.manifest_url);
    return () => player.getCurrentTrackFor("audio")?.codec;
  },

  "hls.js"() {
    const hls = new Hls({
      autoStartLoad: false,
      maxBufferLength: AHEAD_S,
      emeEnabled: true,
      drmSystems: order.license_url ? { [KEY_SYSTEM]: { licenseUrl: order.license_url } } : {},
    });
    hls.on(Hls.Events.ERROR, (_, { fatal, details, error, response }) => {
      if (fatal) {
        failed(`${details} ${response?.code ?? ""} ${error?.message}`);
      }
    });
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      hls.loadLevel = hls.levels.findIndex(({ audioCodec }) => audioCodec === order.codec);
      hls.startLoad();
    });
    hls.attachMedia(video);
    hls.loadSource(order.manifest_url);
    return () => hls.levels[hls.loadLevel]?.audioCodec;
  },
};

// Texts are cut, and tokens left out: nobody reads them in a table.
function failed(text) {
  errors.push(text.replaceAll(/~[^/]+/g, "~-").slice(0, 160));
}

function describeShaka({ code, data, message }) {
  // The data may hold the whole exchange; numbers and texts at its top say what went wrong.
  const facts = ["number", "string"].flatMap((type) =>
    (data ?? []).filter((one) => typeof one === type),
  );
  return code ? [code, ...facts].join(" ") : String(message);
}

// In HLS, Shaka Player takes keys from its application, but no license server.
async function drmOfShaka() {
  return order.manifest_url.endsWith(".mpd")
    ? { servers: { [KEY_SYSTEM]: order.license_url } }
    : { clearKeys: await askForKeys() };
}

// Keys by KID, both in base64url, of all that the track's manifests refer to.
async function askForKeys() {
  const track = await askForJson(order.track_url);
  const renditions = track.renditions.filter(({ container }) => container === "mp4");
  const kids = [...new Set(renditions.map(({ kid }) => base64UrlOfUuid(kid)))];
  const { keys } = await askForJson(order.license_url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ kids, type: "temporary" }),
  });
  return Object.fromEntries(keys.map(({ kid, k }) => [kid, k]));
}

async function askForJson(url, request) {
  const answer = await fetch(url, request);
  if (!answer.ok) {
    throw new Error(`status ${answer.status}: ${url}`);
  }
  return answer.json();
}

function base64UrlOfUuid(uuid) {
  const bytes = uuid.replaceAll("-", "").match(/../g).map((digits) => parseInt(digits, 16));
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function loadScript(path) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `node_modules/${path}`;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${path} cannot be loaded`));
    document.head.append(script);
  });
}

// Wait until it is so, something failed or the time is up; tell which of the first.
async function until(condition) {
  const deadline = performance.now() + order.deadline_ms;
  while (!condition() && !errors.length && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return condition() && !errors.length;
}

function watch(begin) {
  video.addEventListener("playing", () => (outcome.start_ms ??= performance.now() - begin));
  video.addEventListener("ended", () => (outcome.is_ended = true));
  video.addEventListener("error", () => failed(`media ${video.error.code} ${video.error.message}`));
}

async function seek() {
  const begin = performance.now();
  let isSought = false;
  video.addEventListener("seeked", () => (isSought = true), { once: true });
  video.currentTime = order.seek_s;
  if (await until(() => isSought && video.currentTime > order.seek_s)) {
    outcome.seek_ms = performance.now() - begin;
  }
}

async function play() {
  await loadScript(SCRIPTS[order.player]);
  const begin = performance.now();
  watch(begin);
  video.autoplay = true;
  const codec = await START[order.player]();
  if (await until(() => video.currentTime > order.play_s)) {
    outcome.codec = codec() ?? "";
    await seek();
    await until(() => outcome.is_ended);
  }
  outcome.position_s = video.currentTime;
  outcome.decoded_bytes = video.webkitAudioDecodedByteCount;
}

window.addEventListener("error", ({ message }) => failed(message));
window.addEventListener("unhandledrejection", ({ reason }) => failed(String(reason)));
play()
  .catch((error) => failed(String(error)))
  .then(() => report(JSON.stringify(outcome)));

// Reads files and manifests with parsers that nobody here wrote, and tells what they found.
//
// Standard input is a JSON array of {kind, path, url}; standard output is an array in the same
// order, whose members have what `loadtest/verify_formats.py` compares, and `faults`.

import { readFileSync } from "node:fs";
import { Parser as HlsParser } from "m3u8-parser";
import { createFile } from "mp4box";
import { parse as parseMpd } from "mpd-parser";

// mp4box.js takes the "last block" flag of `dfLa` for its opposite and reads on.
const HARMLESS = /Parsing of box 'dfLa' read \d+ more bytes/;

const complaints = [];
for (const level of ["log", "info", "warn", "error", "debug"]) {
  console[level] = (...texts) => complaints.push(texts.join(" "));
}

const READ = {
  mp4({ path }) {
    const bytes = readFileSync(path);
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    buffer.fileStart = 0;
    const file = createFile();
    file.onError = (module, message) => complaints.push(`${module}: ${message}`);
    let info = null;
    file.onReady = (ready) => (info = ready);
    file.appendBuffer(buffer);
    file.flush();
    const [track] = info.tracks;
    const samples = file.getTrackSamplesInfo(track.id);
    const protection = samples[0].description.sinf;
    return {
      boxes: file.boxes.map(({ type }) => type),
      entry: track.codec.slice(0, 4),
      scheme: protection?.schm.scheme_type ?? "clear",
      original: protection?.frma.data_format ?? "",
      timescale: track.timescale,
      samples: samples.length,
      sample_bytes: samples.reduce((sum, { size }) => sum + size, 0),
      decoded: samples.reduce((sum, { duration }) => sum + duration, 0),
      references: file.boxes.find(({ type }) => type === "sidx")?.references.length ?? 0,
    };
  },

  dash({ path, url }) {
    const manifest = parseMpd(readFileSync(path, "utf8"), { manifestUri: url });
    const groups = Object.values(manifest.mediaGroups.AUDIO.audio ?? {});
    const playlists = groups.flatMap((group) => group.playlists);
    return {
      duration_s: manifest.duration,
      names: playlists.map(({ attributes }) => attributes.NAME),
      urls: playlists.map(({ sidx }) => sidx.resolvedUri),
    };
  },

  hls({ path, url }) {
    const parser = new HlsParser();
    parser.on("warn", ({ message }) => complaints.push(message));
    parser.push(readFileSync(path, "utf8"));
    parser.end();
    const { playlists = [], segments, discontinuityStarts } = parser.manifest;
    return {
      variants: playlists.map(({ uri }) => new URL(uri, url).href),
      urls: [...new Set(segments.map(({ uri }) => new URL(uri, url).href))],
      duration_s: segments.reduce((sum, { duration }) => sum + duration, 0),
      discontinuities: discontinuityStarts.length,
    };
  },
};

function read(job) {
  complaints.length = 0;
  let found = {};
  try {
    found = READ[job.kind](job);
  } catch (error) {
    complaints.push(String(error));
  }
  return { ...found, faults: complaints.filter((text) => !HARMLESS.test(text)) };
}

const jobs = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(jobs.map(read)));

// The algorithms in the way that samples for Node write them, and the signer of the official SDK where it is installed. Its
// argument is a file with a name and a value on each line; it prints a line of JSON for each row.

import { createCipheriv, createDecipheriv, createHash, createHmac, randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const input = Object.fromEntries(
  readFileSync(process.argv[2], "utf8").split("\n").filter(Boolean).map((line) => {
    const space = line.indexOf(" ");
    return [line.slice(0, space), line.slice(space + 1)];
  }),
);
const { key, body, answer, plain, sealed } = input;

const verifyV2 = (text) => {
  const { nonce, timestamp, signature } = Object.fromEntries(new URLSearchParams(input.v2_query));
  const digest = createHmac("sha256", key).update(text).digest("hex");
  const found = createHmac("sha256", key).update(key + nonce + timestamp + digest).digest("hex");
  return found === signature.toLowerCase();
};

const canonical = (members) => {
  const sorted = {};
  for (const name of Object.keys(members).sort()) if (members[name] !== null) sorted[name] = members[name];
  return JSON.stringify(sorted);
};

const readV2 = () => {
  const members = JSON.parse(body);
  return verifyV2(canonical(members)) ? members : undefined;
};

const verifyV1 = (query) => {
  const parameters = Object.fromEntries(new URLSearchParams(query));
  const { authToken, ...signed } = parameters;
  const text = Object.keys(signed).sort().map((name) => `${name}=${signed[name]}`).join("&");
  return createHmac("sha256", key + parameters.timeStamp).update(text).digest("base64") === authToken;
};

const bodySign = (text) => {
  const signed = createHmac("sha256", key).update(text).digest("base64");
  return `sign_type="HMAC-SHA256", signature="${signed}"`;
};

const sha1 = (bytes) => createHash("sha1").update(bytes).digest();

// What Java's KeyGenerator draws from SHA1PRNG.
const fieldKey = () => {
  const state = sha1(key);
  const stream = [];
  while (stream.length < 32) {
    const out = sha1(state);
    stream.push(...out);
    let carry = 1;
    for (let index = 0; index < 20; index++) {
      const sum = state.readInt8(index) + out.readInt8(index) + carry;
      state[index] = sum & 0xff;
      carry = sum >> 8;
    }
  }
  return Buffer.from(stream.slice(0, 32));
};

const characters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const encrypt = (secret) => {
  let iv = "";
  for (let index = 0; index < 16; index++) iv += characters[randomInt(characters.length)];
  const cipher = createCipheriv("aes-256-cbc", secret, iv);
  return iv + cipher.update(plain, "utf8", "base64") + cipher.final("base64");
};
const decrypt = (secret, text) => {
  const decipher = createDecipheriv("aes-256-cbc", secret, text.slice(0, 16));
  return decipher.update(text.slice(16), "base64", "utf8") + decipher.final("utf8");
};

const check = (isRight, what) => {
  if (!isRight) throw new Error(`${what} differs from what the crate computes`);
};
const kept = fieldKey();
check(verifyV2(body) && !verifyV2(`${body} `), "V2.0");
check(canonical(JSON.parse(body)) === body, "the canonical form");
check(verifyV1(input.v1_query), "V1.0");
check(bodySign(answer) === input.body_sign, "Body-Sign");
check(decrypt(kept, sealed) === plain, "decryption");
check(decrypt(kept, encrypt(kept)) === plain, "encryption");

const by = "Node, as in the samples";
const rows = [
  ["v2-verify", by, () => verifyV2(body)],
  ["v2-read", by, readV2],
  ["v2-canonical", by, () => canonical(JSON.parse(body))],
  ["v1-exchange", by, () => verifyV1(input.v1_query) && bodySign(answer)],
  ["body-sign", by, () => bodySign(answer)],
  ["encrypt-new-key", by, () => encrypt(fieldKey())],
  ["encrypt-kept-key", "Node", () => encrypt(kept)],
  ["decrypt-new-key", by, () => decrypt(fieldKey(), sealed)],
  ["decrypt-kept-key", "Node", () => decrypt(kept, sealed)],
];

if (input.node_modules) {
  const sdk = createRequire(`${input.node_modules}/`)("@huaweicloud/huaweicloud-sdk-core/auth/AKSKSigner.js");
  const credential = { getAk: () => input.ak, getSk: () => input.sk };
  const request = (headers) => ({
    method: "GET",
    endpoint: `https://${input.api_host}${input.api_path}`,
    queryParams: Object.fromEntries(new URLSearchParams(input.api_query)),
    headers,
  });
  const { Authorization } = sdk.AKSKSigner.sign(request({ "X-Sdk-Date": input.api_date }), credential);
  check(Authorization === input.authorization, "AK/SK");
  rows.push(["aksk-get", "the official SDK for Node", () => sdk.AKSKSigner.sign(request({}), credential)]);
}

let sink;
const nanoseconds = (work, batch) => {
  const began = process.hrtime.bigint();
  for (let index = 0; index < batch; index++) sink = work();
  return Number(process.hrtime.bigint() - began) / batch;
};
const measured = rows.map(([group, by, work]) => {
  const end = performance.now() + Number(input.warm_up_ms);
  let batch = 1;
  while (performance.now() < end) {
    const cost = nanoseconds(work, batch);
    batch = Math.max(1, Math.min(100000, Math.floor((Number(input.sample_us) * 1000) / cost)));
  }
  return { group, by, work, batch, samples: [] };
});
for (let round = 0; round < Number(input.rounds); round++) {
  for (const row of measured) row.samples.push(nanoseconds(row.work, row.batch));
}
for (const { group, by, samples } of measured) {
  samples.sort((a, b) => a - b);
  console.log(JSON.stringify({ group, by, median: samples[samples.length >> 1], best: samples[0] }));
}
if (sink === undefined) throw new Error("nothing was measured");

// Prints Nightbus' events as they come, one line each. Needs Node 22 and `npm install` in this folder.
//
// `nightbus subscribers add my-lights` prints what to give it:
//
//     node subscribe.mjs --name my-lights --url nats://127.0.0.1:4222 --password-file .../nats-subscriber-my-lights
//
// Events come at least once: remember `event_id` where doing a thing twice would hurt. What is not acknowledged is given
// again after a minute, also to the next run of this program.

import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { jetstream } from "@nats-io/jetstream";
import { connect, usernamePasswordAuthenticator } from "@nats-io/transport-node";

const { values: asked } = parseArgs({
  options: {
    name: { type: "string" },
    url: { type: "string", default: "nats://127.0.0.1:4222" },
    "password-file": { type: "string" },
    "ca-file": { type: "string" },
    count: { type: "string" },
  },
});
if (!asked.name || !asked["password-file"]) {
  console.error("usage: node subscribe.mjs --name NAME --password-file FILE [--url URL] [--ca-file FILE] [--count N]");
  process.exit(2);
}

const user = `subscriber-${asked.name}`;
if (!existsSync(asked["password-file"])) {
  console.error(`no password in ${asked["password-file"]}: \`nightbus subscribers list\` has the files of all subscribers`);
  process.exit(1);
}
const password = () => readFileSync(asked["password-file"], "utf8").trim(); // read at each login: it may be renewed

const client = await connect({
  servers: asked.url,
  authenticator: usernamePasswordAuthenticator(user, password),
  inboxPrefix: `_INBOX_${user}`, // the one place where this user may receive answers
  tls: asked["ca-file"] ? { caFile: asked["ca-file"] } : undefined,
  maxReconnectAttempts: -1,
}).catch((error) => {
  console.error(`NATS at ${asked.url}: ${error.message}`);
  process.exit(1);
});
// A subscriber may not ask what its consumer is, which `consumers.get` would; its name is all that is needed.
const consumer = jetstream(client).consumers.getConsumerFromInfo({ stream_name: "NIGHTBUS", name: user, config: {} });
let left = asked.count ? Number(asked.count) : Infinity;
while (left > 0) {
  for await (const message of await consumer.fetch({ max_messages: Math.min(20, left), expires: 30_000 })) {
    console.log(message.headers.get("ce-type"), message.headers.get("ce-id"), JSON.stringify(message.json()));
    await message.ackAck(); // done once NATS knows that this event is done with
    left -= 1;
  }
}
await client.close();

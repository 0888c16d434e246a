// An Express app with express-session in Redis, which keeps the map by the two commands that docs/targets.md names.
// Arguments: the URL of Redis, and the app's secret.
import { createHmac, hkdfSync } from "node:crypto";
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { createClient } from "redis";

const [url, secret] = process.argv.slice(2);
const LIFETIME_S = 900;
const key = Buffer.from(hkdfSync("sha256", secret, "", "sessionwatch/1/session", 32));
const client = await createClient({ url }).connect();

async function keep(sid, user, started) {
  const id = `s_k1_${createHmac("sha256", key).update(sid).digest("base64url")}`;
  const now = Date.now() / 1000;
  await client.sendCommand([
    "SET", `sessionwatch:session:${id}`, JSON.stringify({ key: `sess:${sid}`, started }), "EX", `${LIFETIME_S}`,
  ]);
  await client.sendCommand(["ZADD", `sessionwatch:user:${user}`, `${now + LIFETIME_S}`, id]);
}

const app = express();
app.use(session({
  store: new RedisStore({ client, ttl: LIFETIME_S }), secret: "of the tests", resave: false, saveUninitialized: false,
}));
app.get("/enter", async (request, response) => {
  request.session.user = request.query.user;
  await keep(request.sessionID, request.query.user, Date.now() / 1000);
  response.json({ sid: request.sessionID });
});
app.get("/", (request, response) => response.json({ user: request.session.user ?? null }));
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));

"use strict";

// By the number in a token: what is asked, and what the button says.
const ACTS = {
  1: { name: "acknowledge", asks: "Acknowledge alert", button: "Acknowledge it" },
  2: { name: "take", asks: "Take alert", button: "Take it" },
  3: { name: "false_alarm", asks: "Close as a false alarm: alert", button: "It is a false alarm" },
  4: { name: "benign", asks: "Close as benign: alert", button: "It is benign" },
  5: { name: "revoke_session", asks: "End the session of alert", button: "End the session" },
};
const FACTS = [
  ["severity", "Severity"], ["title", "Rule"], ["user_id", "User"], ["app", "App"], ["session_id", "Session"],
  ["status", "Status"], ["summary", "What happened"],
];
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const PREFIX = "swl1";

const byId = (id) => document.getElementById(id);
const token = location.hash.slice(1);
let bearer = "";

// Out of the address, so that neither history nor a copied address holds it.
history.replaceState(null, "", location.pathname);
// Another link of the same page: its token has to be read.
addEventListener("hashchange", () => location.reload());

// Shown only: what counts is read by the server, which checks the signature.
function read(text) {
  const bytes = [];
  let bits = 0;
  let held = 0;
  for (const letter of text.startsWith(PREFIX) ? text.slice(PREFIX.length) : "") {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) {
      return null;
    }
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >> bits) & 0xff);
    }
  }
  const act = ACTS[bytes[0]];
  if (act === undefined || bytes.length < 17) {
    return null;
  }
  const hex = bytes.slice(1, 17).map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { act, alert: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5") };
}

async function ask(path, body) {
  const headers = bearer === "" ? {} : { authorization: `Bearer ${bearer}` };
  const options = { headers, credentials: "omit", cache: "no-store" };
  if (body !== undefined) {
    options.method = "POST";
    options.body = JSON.stringify(body);
    headers["content-type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("sessionwatch did not answer: try again.");
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    throw new Error(answer.status === 401 ? "This token is not taken." : told.detail || `Refused (${answer.status}).`);
  }
  return told;
}

function show(facts) {
  for (const [name, value] of facts) {
    byId("facts").append(
      Object.assign(document.createElement("dt"), { textContent: name }),
      Object.assign(document.createElement("dd"), { textContent: value }),
    );
  }
  byId("facts").hidden = false;
}

function offer() {
  byId("sign-in").hidden = true;
  byId("go").textContent = link.act.button;
  const ends = link.act.name === "revoke_session";
  byId("why").hidden = !ends;
  byId("reason").required = ends;
  byId("act").hidden = false;
}

async function during(form, work) {
  const button = form.querySelector("button");
  button.disabled = true;
  byId("result").textContent = "";
  try {
    await work();
  } catch (error) {
    byId("result").textContent = error.message;
  }
  button.disabled = false;
}

const link = read(token);
if (link === null) {
  byId("what").textContent = "This is no link of sessionwatch: take it from the message again.";
} else {
  byId("what").textContent = `${link.act.asks} ${link.alert}?`;
  if (document.body.dataset.withoutSignIn.split(" ").includes(link.act.name)) {
    offer();
  } else {
    byId("sign-in").hidden = false;
  }
}

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  during(byId("sign-in"), async () => {
    bearer = byId("token").value.trim();
    const me = await ask("v1/me");
    const alert = await ask(`v1/alerts/${link.alert}`);
    byId("token").value = "";
    show([["Signed in as", `${me.name} (${me.role})`]]);
    show(FACTS.filter(([key]) => alert[key] !== null).map(([key, name]) => [name, String(alert[key])]));
    offer();
  });
});

byId("act").addEventListener("submit", (event) => {
  event.preventDefault();
  during(byId("act"), async () => {
    const reason = byId("reason").value.trim();
    const told = await ask("v1/links/use", reason === "" ? { token } : { token, reason });
    byId("act").hidden = true;
    byId("result").textContent = told.done;
  });
});

// Keeps the token for the browser session alone: in this tab's sessionStorage, handed to further tabs of the same
// origin as long as one is open. Nothing of it is written to disk as a cookie or to localStorage.
const NAME = "sessionwatch.token";
const ANSWER_MS = 150;

export default function ({ data, parentElement: root, setTriggerValue }) {
  // Called anew with every change, while the old call's channel would go on answering.
  root.swLeave?.();
  const channel = new BroadcastChannel(NAME);
  let timer = null;
  root.swLeave = () => { clearTimeout(timer); channel.close(); };

  if (data.want === "keep") {
    sessionStorage.setItem(NAME, data.token);
    channel.onmessage = ({ data: message }) => {
      if (message.ask) channel.postMessage({ token: data.token });
      if (message.forget) { sessionStorage.removeItem(NAME); found(""); }
    };
  } else if (data.want === "forget") {
    sessionStorage.removeItem(NAME);
    if (data.everywhere) channel.postMessage({ forget: true });
  } else if (data.want === "find") {
    find();
  }
  return root.swLeave;

  function find() {
    const kept = sessionStorage.getItem(NAME);
    if (kept) { found(kept); return; }
    channel.onmessage = ({ data: message }) => {
      if (!message.token) return;
      clearTimeout(timer);
      found(message.token);
    };
    timer = setTimeout(() => found(""), ANSWER_MS);
    channel.postMessage({ ask: true });
  }

  function found(token) {
    setTriggerValue("found", { token, at: Date.now() });
  }
}

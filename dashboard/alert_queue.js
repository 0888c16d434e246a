// The alert queue: a listbox that owns selection and scroll. Text from events enters by textContent alone.
// Python may move the selection only with a higher `push`; a refresh without one never does.
const KEYS = { t: "take", b: "benign", f: "false_alarm", u: "undo", x: "revoke" };
const SETTLE_MS = 120; // one J asks for its panel at once; a held one only for where it comes to rest
const MOST_ACTS = 20; // more than anybody does while one answer is on its way

export default function ({ data, parentElement: root, setStateValue, setTriggerValue }) {
  const state = (root.swQueue ??= { rows: new Map(), selected: null, push: null, timer: null, pickedAt: 0 });
  const part = (name) => root.querySelector("." + name);
  const list = part("list");
  Object.assign(state, { data, select: setStateValue, fire: setTriggerValue });

  const pushed = data.push !== state.push;
  if (pushed) {
    state.push = data.push;
    state.selected = data.selected;
    clearTimeout(state.timer);
  }
  list.style.height = part("empty").style.height = data.height;
  layRows();
  layEdges();
  tick();
  paint(pushed);

  clearInterval(state.clock);
  state.clock = setInterval(tick, 1000);
  if (state.onKey) document.removeEventListener("keydown", state.onKey);
  state.onKey = onKey;
  document.addEventListener("keydown", onKey);
  return () => {
    clearInterval(state.clock);
    document.removeEventListener("keydown", state.onKey);
  };

  function element(tag, name, text) {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text != null) made.textContent = text;
    return made;
  }

  function layRows() {
    const kept = new Set(data.rows.map((row) => row.id));
    for (const [id, node] of state.rows) {
      if (kept.has(id)) continue;
      node.remove();
      state.rows.delete(id);
    }
    let before = null;
    for (const row of data.rows) {
      let node = state.rows.get(row.id);
      if (!node) {
        node = element("div", "row");
        node.setAttribute("role", "option");
        node.id = "alert-" + row.id;
        node.onclick = () => pick(row.id, true);
        node.ondblclick = () => act("open", row.id);
        state.rows.set(row.id, node);
      }
      const content = JSON.stringify(row);
      if (node.swContent !== content) fill(node, row);
      node.swContent = content;
      const place = before ? before.nextSibling : list.firstChild;
      if (place !== node) list.insertBefore(node, place);
      before = node;
    }
  }

  function fill(node, row) {
    const glyph = element("span", "glyph", row.glyph);
    glyph.style.color = row.colour;
    glyph.setAttribute("role", "img");
    glyph.setAttribute("aria-label", row.severity);
    glyph.title = row.severity;
    const title = element("div", "title");
    title.append(element("b", "", row.title));
    for (const tag of row.tags) title.append(element("span", "tag", tag));
    const main = element("div", "main");
    main.append(title, element("div", "why", row.why));
    const age = element("div", "age");
    age.title = row.opened_text;
    age.dataset.at = row.opened;
    const side = element("div", "side");
    side.append(age, element("div", "", row.state));
    node.classList.toggle("gone", row.gone);
    node.replaceChildren(element("span", "bar"), glyph, main, side);
  }

  function layEdges() {
    part("count").textContent = data.count;
    const fresh = part("fresh");
    fresh.hidden = !data.fresh;
    fresh.replaceChildren(data.fresh + " ", element("kbd", "", "N"));
    fresh.onclick = () => act("show_new", null);
    const more = part("more");
    more.hidden = !data.more;
    more.textContent = data.more;
    more.onclick = () => act("more", null);
    const none = data.rows.length === 0;
    list.hidden = none;
    part("empty").hidden = !none;
    part("empty").textContent = data.empty;
  }

  function tick() {
    for (const node of state.rows.values()) {
      const age = node.querySelector(".age");
      const text = length(Date.now() / 1000 - Number(age.dataset.at));
      if (age.textContent !== text) age.textContent = text;
    }
  }

  function length(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    if (s < 60) return s + " s";
    if (s < 3600) return Math.floor(s / 60) + " min";
    if (s < 86400) return Math.floor(s / 3600) + " h " + String(Math.floor((s % 3600) / 60)).padStart(2, "0");
    return Math.floor(s / 86400) + " d";
  }

  function paint(scroll) {
    for (const [id, node] of state.rows) node.setAttribute("aria-selected", String(id === state.selected));
    const node = state.rows.get(state.selected);
    if (node) list.setAttribute("aria-activedescendant", node.id);
    else list.removeAttribute("aria-activedescendant");
    if (node && scroll) node.scrollIntoView({ block: "nearest" });
  }

  function pick(id, now) {
    if (id == null) return;
    state.selected = id;
    paint(true);
    clearTimeout(state.timer);
    const calm = now || performance.now() - state.pickedAt > SETTLE_MS;
    state.pickedAt = performance.now();
    if (calm) state.select("selected", id);
    else state.timer = setTimeout(() => state.select("selected", id), SETTLE_MS);
  }

  // An act names the alert that is highlighted now: J and B in one breath never decide the one before.
  // The acts before it go along: of two on their way Streamlit keeps the last, and Python skips those it has done.
  function act(name, id) {
    clearTimeout(state.timer);
    state.number = Math.max(Date.now(), (state.number ?? 0) + 1);
    state.acts = [...(state.acts ?? []), { act: name, id, number: state.number }].slice(-MOST_ACTS);
    state.fire("acts", state.acts);
  }

  function move(step) {
    const ids = state.data.rows.map((row) => row.id);
    const here = ids.indexOf(state.selected);
    pick(ids[Math.max(0, Math.min(ids.length - 1, here < 0 ? 0 : here + step))], false);
  }

  function onKey(event) {
    const target = event.composedPath()[0];
    const field = /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName ?? "") || target.isContentEditable;
    if (field || event.ctrlKey || event.metaKey || event.altKey || event.repeat && !/^[jk]$/i.test(event.key)) return;
    if (document.querySelector("[role=dialog]")) return;
    const key = event.key.toLowerCase();
    const inList = target === list;
    if (key === "j" || (inList && key === "arrowdown")) move(1);
    else if (key === "k" || (inList && key === "arrowup")) move(-1);
    else if (key === "n" && state.data.fresh) act("show_new", null);
    else if (key === "enter" && (inList || target === document.body)) act("open", state.selected);
    else if (key === "/") document.querySelector(".st-key-q input")?.focus();
    else if (KEYS[key] && !event.shiftKey) act(KEYS[key], state.selected);
    else return;
    event.preventDefault();
  }
}

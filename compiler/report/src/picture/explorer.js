'use strict';
// The picture is drawn already; this gives it a search, filters, a panel and a keyboard.
const { nodes, edges, tiers } = JSON.parse(document.getElementById('data').textContent);
const at = id => document.getElementById(id);
const picture = at('picture'), panel = at('panel'), search = at('search'), found = at('found');
const boxes = new Map([...picture.querySelectorAll('.node')].map(box => [box.dataset.path, box]));
const lines = [...picture.querySelectorAll('#lines .line')];
const lineOf = new Map();
for (const line of lines) {
  line.edges = line.dataset.edges.split(' ').map(Number);
  for (const edge of line.edges) lineOf.set(edge, line);
}
const placeOf = new Map(nodes.map((node, place) => [node.path, place]));
// By node: the edges that leave it and that lead to it.
const out = nodes.map(() => []), into = nodes.map(() => []);
const byId = new Map();
for (const [id, from, to, port, mode, because, place] of edges) {
  const edge = { id, from, to, port, mode, because, place };
  byId.set(id, edge);
  out[from].push(edge);
  into[to].push(edge);
}
const words = nodes.map(node => [node.path, node.title, node.doc, ...(node.exposed || []),
  ...(node.facts || []).map(fact => `${fact[0]} ${fact[1]}`)].filter(Boolean).join('\n').toLowerCase());

// ---- filters
const off = { modes: new Set(), tiers: new Set(), namespaces: new Set() };
function filter(group, names) {
  for (const name of names) {
    const label = document.createElement('label'), box = document.createElement('input');
    box.type = 'checkbox';
    box.checked = true;
    box.value = name;
    box.addEventListener('change', () => {
      if (box.checked) off[group].delete(name); else off[group].add(name);
      apply();
    });
    label.append(box, ` ${name}`);
    at(group).append(label);
  }
}
const isShown = place => {
  const node = nodes[place];
  return !off.tiers.has(node.tier) && !off.namespaces.has(node.namespace);
};
function apply() {
  let services = 0;
  nodes.forEach((node, place) => {
    const shown = isShown(place);
    boxes.get(node.path).classList.toggle('off', !shown);
    if (shown && node.namespace) services += 1;
  });
  let flows = 0;
  for (const line of lines) {
    const shown = off.modes.has(line.dataset.mode) ? 0
      : line.edges.filter(id => isShown(byId.get(id).from) && isShown(byId.get(id).to)).length;
    line.classList.toggle('off', shown === 0);
    flows += shown;
  }
  for (const frame of picture.querySelectorAll('.of-namespace')) {
    const name = frame.dataset.namespace;
    frame.classList.toggle('off', !nodes.some((node, place) => node.namespace === name && isShown(place)));
  }
  at('counts').textContent = `${services} services · ${flows} flows`;
}
filter('modes', ['requires', 'optional', 'observes']);
filter('tiers', tiers);
filter('namespaces', [...new Set(nodes.map(node => node.namespace).filter(Boolean))].sort());

for (const button of at('namespaces').querySelectorAll('button')) {
  button.addEventListener('click', () => {
    for (const box of at('namespaces').querySelectorAll('input')) {
      box.checked = Boolean(button.dataset.all);
      if (box.checked) off.namespaces.delete(box.value); else off.namespaces.add(box.value);
    }
    apply();
  });
}

// ---- reach: through services only
function reach(start, next, end) {
  const seen = new Set([start]), queue = [start];
  for (const here of queue) {
    if (here !== start && !nodes[here].namespace) continue;
    for (const edge of next[here]) {
      if (!seen.has(edge[end])) { seen.add(edge[end]); queue.push(edge[end]); }
    }
  }
  seen.delete(start);
  return [...seen].map(place => nodes[place].path).sort();
}

// ---- what a failure costs: who requires it, also through others, and who uses what is gone
function impact(start) {
  const gone = new Set([start]);
  for (const here of gone) {
    for (const edge of into[here]) {
      if (edge.mode === 'requires' && nodes[edge.from].namespace) gone.add(edge.from);
    }
  }
  const worse = new Set();
  for (const here of gone) {
    for (const edge of into[here]) {
      if (edge.mode === 'optional' && nodes[edge.from].namespace && !gone.has(edge.from)) worse.add(edge.from);
    }
  }
  gone.delete(start);
  const paths = set => [...set].map(place => nodes[place].path).sort();
  return { lost: paths(gone), degraded: paths(worse) };
}

// ---- panel
const make = (tag, text, name) => {
  const made = document.createElement(tag);
  if (text != null) made.textContent = text;
  if (name) made.className = name;
  return made;
};
function link(path) {
  const made = make('a', path);
  made.href = `#${path}`;
  return made;
}
function table(rows) {
  const made = make('table');
  for (const row of rows) {
    const tr = make('tr');
    row.forEach((cell, column) => {
      const td = make('td', null, column === row.length - 1 && column > 1 ? 'place' : '');
      td.append(cell ?? '');
      tr.append(td);
    });
    made.append(tr);
  }
  return made;
}
const heading = (text, count) => make('h3', count == null ? text : `${text} (${count})`);
function flows(title, list, other) {
  if (!list.length) return [];
  const rows = list.map(edge => {
    const end = make('span');
    end.append(link(nodes[edge[other]].path), `:${edge.port}`);
    if (edge.because) end.append(make('div', edge.because, 'place'));
    return [make('span', edge.mode, `mode-${edge.mode}`), end, edge.place];
  });
  return [heading(title, list.length), table(rows)];
}
function names(title, list) {
  if (!list.length) return [];
  const made = make('details'), line = make('p');
  made.append(make('summary', `${title} (${list.length})`));
  list.forEach((path, n) => line.append(n ? ', ' : '', link(path)));
  made.append(line);
  return [made];
}
function show(place) {
  const node = nodes[place];
  panel.replaceChildren(make('h2', node.path));
  if (node.title) panel.append(make('p', node.title));
  if (node.doc) panel.append(make('p', node.doc));
  if (node.place) panel.append(make('p', `${node.place} · tier ${node.tier} · wave ${node.wave}`, 'place source'));
  for (const door of node.exposed || []) panel.append(make('div', `↗ ${door}`, 'door'));
  if (node.promise && node.promise.length) {
    panel.append(heading('Promise'));
    for (const line of node.promise) panel.append(make('div', line, 'promise'));
  }
  panel.append(...flows('Calls', out[place], 'to'), ...flows('Called by', into[place], 'from'));
  if (node.namespace) {
    const { lost, degraded } = impact(place);
    panel.append(heading('If it fails'));
    panel.append(make('div', `${lost.length} cannot work without it, ${degraded.length} work worse`, 'impact'));
    panel.append(...names('cannot work', lost), ...names('work worse', degraded));
  }
  panel.append(heading('Reach'));
  panel.append(...names('reaches', reach(place, out, 'to')), ...names('is reached by', reach(place, into, 'from')));
  if (node.facts) {
    panel.append(heading('Properties'), table(node.facts.map(([name, value, where]) => [name, value, where])));
  }
  panel.hidden = false;
  panel.scrollTop = 0;
}

// ---- picking
let picked = null;
function pick(place, isMoved) {
  clear();
  picked = place;
  const box = boxes.get(nodes[place].path);
  picture.classList.add('picking');
  box.classList.add('picked');
  for (const edge of [...out[place], ...into[place]]) {
    lineOf.get(edge.id).classList.add('near');
    boxes.get(nodes[edge.from].path).classList.add('near');
    boxes.get(nodes[edge.to].path).classList.add('near');
  }
  show(place);
  if (isMoved) bring(box);
  history.replaceState(null, '', `#${nodes[place].path}`);
}
function clear() {
  picked = null;
  picture.classList.remove('picking');
  for (const box of picture.querySelectorAll('.picked,.near,.hit')) box.classList.remove('picked', 'near', 'hit');
}
function close() {
  clear();
  panel.hidden = true;
  history.replaceState(null, '', location.pathname + location.search);
}
for (const [path, box] of boxes) {
  box.setAttribute('tabindex', '0');
  box.setAttribute('role', 'button');
  box.setAttribute('aria-label', path);
  box.addEventListener('click', () => pick(placeOf.get(path), false));
}
addEventListener('hashchange', () => {
  const place = placeOf.get(decodeURIComponent(location.hash.slice(1)));
  if (place != null && place !== picked) pick(place, true);
});

// ---- search
let hits = [];
function find() {
  const asked = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  clear();
  found.replaceChildren();
  hits = [];
  found.hidden = !asked.length;
  if (!asked.length) return;
  const rank = place => {
    const name = nodes[place].path.split('.').pop();
    return name === asked[0] ? 0 : name.startsWith(asked[0]) ? 1 : nodes[place].path.includes(asked[0]) ? 2 : 3;
  };
  hits = words.map((_, place) => place).filter(place => asked.every(word => words[place].includes(word)));
  hits.sort((a, b) => rank(a) - rank(b) || (nodes[a].path < nodes[b].path ? -1 : 1));
  picture.classList.add('picking');
  for (const place of hits) boxes.get(nodes[place].path).classList.add('hit');
  for (const place of hits.slice(0, 40)) {
    const item = make('li', nodes[place].title ? `${nodes[place].path} — ${nodes[place].title}` : nodes[place].path);
    item.addEventListener('mousedown', event => { event.preventDefault(); choose(place); });
    found.append(item);
  }
  if (!hits.length) found.append(make('li', 'nothing found'));
  else found.firstChild.className = 'first';
}
function choose(place) {
  found.hidden = true;
  pick(place, true);
  boxes.get(nodes[place].path).focus({ preventScroll: true });
}
search.addEventListener('input', find);
search.addEventListener('keydown', event => {
  if (event.key === 'Enter' && hits.length) choose(hits[0]);
});
search.addEventListener('blur', () => { found.hidden = true; });

// ---- looking around
const whole = { x: 0, y: 0, w: Number(picture.dataset.width), h: Number(picture.dataset.height) };
let seen = { ...whole };
function look() {
  picture.setAttribute('viewBox', `${seen.x} ${seen.y} ${seen.w} ${seen.h}`);
  picture.classList.toggle('far', Math.max(seen.w / picture.clientWidth, seen.h / picture.clientHeight) > 3);
}
function zoom(factor, x = seen.x + seen.w / 2, y = seen.y + seen.h / 2) {
  const w = Math.min(Math.max(seen.w * factor, 200), whole.w * 2), by = w / seen.w;
  seen = { x: x - (x - seen.x) * by, y: y - (y - seen.y) * by, w, h: seen.h * by };
  look();
}
function bring(box) {
  const move = box.transform.baseVal[0].matrix, wide = Math.min(whole.w, 1100);
  if (seen.w > wide * 1.6) {
    const by = wide / seen.w;
    seen = { ...seen, w: wide, h: seen.h * by };
  }
  seen = { ...seen, x: move.e + 80 - seen.w / 2, y: move.f + 24 - seen.h / 2 };
  look();
}
function point(event) {
  const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
  return [place.x, place.y];
}
picture.addEventListener('wheel', event => {
  event.preventDefault();
  zoom(event.deltaY > 0 ? 1.15 : 1 / 1.15, ...point(event));
}, { passive: false });
let drag = null;
picture.addEventListener('pointerdown', event => {
  if (!event.target.closest('.node')) drag = { x: event.clientX, y: event.clientY, seen: { ...seen }, moved: false };
});
addEventListener('pointermove', event => {
  if (!drag) return;
  const scale = 1 / picture.getScreenCTM().a;
  drag.moved ||= Math.abs(event.clientX - drag.x) + Math.abs(event.clientY - drag.y) > 3;
  seen = { ...drag.seen, x: drag.seen.x - (event.clientX - drag.x) * scale, y: drag.seen.y - (event.clientY - drag.y) * scale };
  look();
});
addEventListener('pointerup', () => {
  if (drag && !drag.moved) close();
  drag = null;
});
const fit = () => { seen = { ...whole }; look(); };
at('fit').addEventListener('click', fit);

// ---- theme
function turn() {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = isDark ? 'light' : 'dark';
}
at('theme').addEventListener('click', turn);

// ---- keyboard
const ways = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
function step([dx, dy]) {
  const from = document.activeElement.closest('.node') || (picked != null && boxes.get(nodes[picked].path));
  const centre = box => { const m = box.transform.baseVal[0].matrix; return [m.e, m.f]; };
  const shown = [...boxes.values()].filter(box => !box.classList.contains('off'));
  if (!from) { if (shown.length) shown[0].focus(); return; }
  const [x, y] = centre(from);
  let best = null, least = Infinity;
  for (const box of shown) {
    const [bx, by] = centre(box), along = (bx - x) * dx + (by - y) * dy, beside = Math.abs((bx - x) * dy) + Math.abs((by - y) * dx);
    if (box !== from && along > 0 && along + 2 * beside < least) { best = box; least = along + 2 * beside; }
  }
  if (best) { best.focus({ preventScroll: true }); bring(best); }
}
addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'Escape') { search.value = ''; found.hidden = true; search.blur(); close(); return; }
  if (event.target === search || event.target.type === 'checkbox' && event.key === ' ') return;
  if (event.key === '/') { event.preventDefault(); search.focus(); search.select(); }
  else if (event.key === 'Enter' && document.activeElement.closest('.node')) pick(placeOf.get(document.activeElement.closest('.node').dataset.path), false);
  else if (ways[event.key]) { event.preventDefault(); step(ways[event.key]); }
  else if (event.key === '+' || event.key === '=') zoom(1 / 1.25);
  else if (event.key === '-') zoom(1.25);
  else if (event.key === '0') fit();
  else if (event.key === 't') turn();
});
apply();
const asked = placeOf.get(decodeURIComponent(location.hash.slice(1)));
if (asked != null) pick(asked, true);

// Draws strokes, sends the drawing to the server as it grows, shows what comes back.

const SENT = 140; // pixels of the drawing's sides, as sent
const THICKNESS = 0.08; // of a stroke, as a share of the drawing
const STEP = 1 / 28; // of the pen that the arrow keys move
const QUIET = 600; // milliseconds without a stroke before times are taken and results said

const element = (id) => document.getElementById(id);
const area = element("area");
const sent = Object.assign(document.createElement("canvas"), { width: SENT, height: SENT });
const onPaper = sent.getContext("2d", { willReadFrequently: true });

// ---- the drawing: strokes of points {x, y, width}, from 0 to 1 ----

let strokes = [];
let drawn = null; // the pointer that draws: its id and its stroke
const pen = { x: 0.5, y: 0.25, stroke: null, shown: false }; // the keyboard's
let version = 0; // of the drawing

function paint(context, size, color) {
  context.clearRect(0, 0, size, size);
  Object.assign(context, { strokeStyle: color, fillStyle: color, lineCap: "round" });
  for (const stroke of strokes) {
    let before = stroke[0];
    for (const point of stroke) {
      context.lineWidth = THICKNESS * size * point.width;
      context.beginPath();
      if (point === before) { // a line without length is not drawn
        context.arc(point.x * size, point.y * size, context.lineWidth / 2, 0, 2 * Math.PI);
        context.fill();
        continue;
      }
      context.moveTo(before.x * size, before.y * size);
      context.lineTo(point.x * size, point.y * size);
      context.stroke();
      before = point;
    }
  }
}

function repaint() {
  const size = Math.max(1, Math.round(area.clientWidth * devicePixelRatio));
  if (area.width !== size) area.width = area.height = size;
  const context = area.getContext("2d");
  paint(context, size, color("--ink"));
  if (!pen.shown) return;
  context.strokeStyle = color(pen.stroke ? "--high" : "--low");
  context.lineWidth = 2 * devicePixelRatio;
  const [x, y, reach] = [pen.x * size, pen.y * size, 0.04 * size];
  context.beginPath();
  context.moveTo(x - reach, y);
  context.lineTo(x + reach, y);
  context.moveTo(x, y - reach);
  context.lineTo(x, y + reach);
  context.stroke();
}

function changed() {
  version += 1;
  element("undo").disabled = element("clear").disabled = strokes.length === 0;
  element("hint").hidden = strokes.length > 0;
  repaint();
  look();
  later();
}

function undo() {
  liftPen();
  strokes.pop();
  changed();
}

function clear() {
  liftPen();
  strokes = [];
  changed();
}

function pointOf(event) {
  const box = area.getBoundingClientRect();
  // Only a pen measures pressure; the others say 0 or a half.
  const pressed = event.pointerType === "pen" && event.pressure > 0;
  return {
    x: (event.clientX - box.left) / box.width,
    y: (event.clientY - box.top) / box.height,
    width: pressed ? 0.6 + 0.8 * event.pressure : 1,
  };
}

area.addEventListener("pointerdown", (event) => {
  if (drawn || !event.isPrimary || event.button !== 0) return;
  area.setPointerCapture(event.pointerId);
  liftPen();
  drawn = { id: event.pointerId, stroke: [pointOf(event)] };
  strokes.push(drawn.stroke);
  changed();
});

area.addEventListener("pointermove", (event) => {
  if (event.pointerId !== drawn?.id) return;
  const between = event.getCoalescedEvents?.() ?? [];
  drawn.stroke.push(...(between.length ? between : [event]).map(pointOf));
  changed();
});

for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
  area.addEventListener(end, (event) => {
    if (event.pointerId === drawn?.id) drawn = null;
  });
}

// ---- the keyboard ----

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function liftPen() {
  pen.stroke = null;
}

function movePen([right, down], steps) {
  const within = (place) => Math.min(1, Math.max(0, place));
  pen.x = within(pen.x + right * steps * STEP);
  pen.y = within(pen.y + down * steps * STEP);
  pen.shown = true;
  if (!pen.stroke) return repaint();
  pen.stroke.push({ x: pen.x, y: pen.y, width: 1 });
  changed();
}

function togglePen() {
  pen.shown = true;
  if (pen.stroke) {
    liftPen();
    repaint();
    later(); // "Pen up" would be the last word of a slow hand
  } else {
    pen.stroke = [{ x: pen.x, y: pen.y, width: 1 }];
    strokes.push(pen.stroke);
    changed();
  }
  const place = `${Math.round(100 * pen.x)} % across, ${Math.round(100 * pen.y)} % down`;
  say(`Pen ${pen.stroke ? "down" : "up"} at ${place}`);
}

area.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in MOVES) movePen(MOVES[event.key], event.shiftKey ? 4 : 1);
  else if (event.key === " ") {
    if (!event.repeat) togglePen();
  } else if (event.key === "Backspace") undo();
  else if (event.key === "Delete") clear();
  else return;
  event.preventDefault();
});

area.addEventListener("focus", () => {
  pen.shown = area.matches(":focus-visible");
  repaint();
});

area.addEventListener("blur", () => {
  pen.shown = false;
  liftPen();
  repaint();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || !strokes.length) return;
  event.preventDefault();
  undo();
});

element("undo").addEventListener("click", undo);
element("clear").addEventListener("click", () => {
  clear();
  area.focus({ preventScroll: true }); // the button that had the focus is switched off
});

// ---- the server ----

let backend = null; // the chosen one's name
let usable = [];
let looking = false;
let wanted = false;
let quiet = 0;

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Return what the server answers; null if it could not, which the page then says. */
async function ask(path, body) {
  const options = body && {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" },
    body,
  };
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    problem("The server does not answer: start arraynet draw again.");
    return null;
  }
  const answer = await response.json().catch(() => ({ error: `The server said ${response.status}.` }));
  if (response.ok) {
    problem("");
    return answer;
  }
  problem(answer.error);
  const wait = Number(response.headers.get("Retry-After"));
  if (wait > 0) {
    await pause(1000 * wait);
    wanted = true;
  }
  return null;
}

function drawing() {
  paint(onPaper, SENT, "#000");
  const { data } = onPaper.getImageData(0, 0, SENT, SENT);
  return Uint8Array.from({ length: SENT * SENT }, (_, pixel) => data[4 * pixel + 3]);
}

const query = (name) => `?width=${SENT}&height=${SENT}&backend=${encodeURIComponent(name)}`;

/** Show what the network sees of the newest drawing; one request at a time. */
async function look() {
  wanted = true;
  if (looking || backend === null) return;
  looking = true;
  document.body.dataset.state = "looking";
  while (wanted) {
    wanted = false;
    if (!strokes.length) {
      show(null);
      continue;
    }
    const seen = await ask(`api/look${query(backend)}`, drawing());
    if (seen && strokes.length) show(seen);
    await pause(20);
  }
  looking = false;
  document.body.dataset.state = "resting";
}

/** Once the hand rests: say the answer, and take each backend's time. */
function later() {
  clearTimeout(quiet);
  quiet = setTimeout(async () => {
    const resting = version;
    while (looking) await pause(20); // what is said is of this drawing
    if (version !== resting) return;
    if (strokes.length) say(element("answer").textContent);
    for (const { name } of usable) {
      if (version !== resting) return;
      const time = await ask(`api/times${query(name)}`, drawing());
      if (time) showTime(name, time);
    }
  }, QUIET);
}

// ---- what is shown ----

const STEPS = 127; // of a pixel of a feature map, from 0 to the largest value
const NO_NUMBER = -128; // such a pixel that is NaN or infinite
const BLANK = { rows: 1, columns: 1, largest: 1, pixels: [0] };

let network = null; // what the server says of it
let shown = null; // the last answer

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const rgb = (name) => [1, 3, 5].map((at) => parseInt(color(name).slice(at, at + 2), 16));
const written = (number) => (number === null ? "no number" : String(Number(number.toPrecision(3))));

/** Say something to a screen reader; the same words twice are said twice. */
function say(text) {
  element("said").textContent = text === element("said").textContent ? `${text}\u00a0` : text;
}

function problem(text) {
  element("problem").hidden = !text;
  if (element("problem").textContent !== text) element("problem").textContent = text;
}

/** Fill a canvas with cells; shares are -1 to 1, or null for what is no number. */
function fill(canvas, columns, rows, shares, [low, zero, high]) {
  Object.assign(canvas, { width: columns, height: rows });
  const context = canvas.getContext("2d");
  const cells = context.createImageData(columns, rows);
  shares.forEach((share, cell) => {
    if (share === null) return;
    const end = share < 0 ? low : high;
    const mixed = zero.map((from, part) => from + Math.abs(share) * (end[part] - from));
    cells.data.set([...mixed, 255], 4 * cell);
  });
  context.putImageData(cells, 0, 0);
}

function showPicture(canvas, picture) {
  const shares = picture.pixels.map((pixel) => pixel / picture.largest);
  const [ground, ink] = [rgb("--paper"), rgb("--ink")];
  fill(canvas, picture.columns, picture.rows, shares, [ground, ground, ink]);
}

/** Return the children of a list, made where they are missing. */
function children(parent, count, make) {
  while (parent.children.length > count) parent.lastElementChild.remove();
  while (parent.children.length < count) parent.append(make());
  return [...parent.children];
}

function make(name, attributes = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

const describe = (picture, text) => picture.setAttribute("aria-label", text);

const percent = (share) => `${(100 * share).toFixed(1)} %`;

function spoken(seen) {
  if (!seen?.ink) return "I see nothing yet";
  if (seen.label === null) return "No answer: the outputs are no numbers";
  if (!seen.probable) return `I see a ${seen.label}`;
  const share = seen.outputs[seen.label];
  return `I see a ${seen.label}, ${share > 0.99 ? "over 99" : Math.round(100 * share)} %`;
}

function showOutputs(seen) {
  const outputs = seen?.outputs ?? Array(10).fill(null);
  const largest = Math.max(...outputs.map(Math.abs), 1e-30);
  element("outputs").textContent = seen?.outputs && !seen.probable ? "Outputs" : "Probabilities";
  const rows = children(element("bars"), outputs.length, () => {
    const bar = make("div", { class: "bar", "aria-hidden": "true" }, make("div"));
    return make("tr", {}, make("th", { scope: "row" }), make("td", {}, bar), make("td"));
  });
  rows.forEach((row, digit) => {
    const value = outputs[digit];
    const share = seen?.probable ? value : Math.max(0, value) / largest;
    row.className = seen?.label === digit ? "best" : "";
    row.cells[0].textContent = digit;
    row.querySelector(".bar > div").style.setProperty("--share", share ?? 0);
    row.cells[2].textContent = !seen?.outputs ? "–" : seen.probable && value !== null ? percent(value) : written(value);
  });
}

/** Show a row of values as cells of one picture. */
function showStrip(figure, values, end, colors) {
  const dense = values.length > 200;
  const columns = Math.min(dense ? 100 : 50, values.length);
  const rows = Math.ceil(values.length / columns);
  const [canvas] = children(figure, 1, () => make("canvas"));
  canvas.className = dense ? "strip dense" : "strip";
  fill(canvas, columns, rows, values.map((v) => (v === null ? null : v / end)), colors);
  canvas.style.setProperty("--rows", rows);
}

/** Show feature maps as a small picture each. */
function showMaps(figure, values, { rows, columns }, colors) {
  const pixels = rows * columns;
  const maps = children(figure, values.length / pixels, () => make("canvas", { class: "map" }));
  const shares = values.map((value) => (value === NO_NUMBER ? null : value / STEPS));
  maps.forEach((canvas, place) =>
    fill(canvas, columns, rows, shares.slice(place * pixels, (place + 1) * pixels), colors),
  );
}

/** Return how many values a layer has, or maps, and how many of those are shown. */
function extent({ size, shown, maps }) {
  if (!maps) return `${size} values${size > shown ? `, the first ${shown} shown` : ""}`;
  const { count, rows, columns } = maps;
  const seen = shown / (rows * columns);
  return `${count > seen ? `the first ${seen} of ` : ""}${count} maps of ${rows} × ${columns}`;
}

/** Return a few words on the values of a layer for who cannot see them. */
function described({ maps, values, range: [least, most] }) {
  if (maps) return least === null ? "no numbers" : `from ${written(least)} to ${written(most)}`;
  const numbers = values.filter((value) => value !== null);
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  return `mean ${written(mean)}, largest at number ${values.indexOf(most)}`;
}

function showLayers(seen) {
  const colors = ["--low", "--zero", "--high"].map(rgb);
  const blank = (layer) => ({ ...layer, values: Array(layer.shown).fill(0), range: [0, 0] });
  const layers = seen?.layers ?? network?.layers.map(blank) ?? [];
  const figures = children(element("layers"), layers.length, () => {
    const caption = make("figcaption", {}, make("span"), make("span"));
    return make("figure", {}, make("div", { role: "img" }), caption);
  });
  figures.forEach((figure, place) => {
    const layer = layers[place];
    const [least, most] = layer.range;
    const [picture, caption] = figure.children;
    picture.className = layer.maps ? "maps" : "";
    if (layer.maps) showMaps(picture, layer.values, layer.maps, colors);
    // Probabilities and the like are shown up to 1, everything else up to its largest.
    else showStrip(picture, layer.values, least >= 0 && most <= 1 ? 1 : Math.max(-least, most), colors);
    const [what, where] = caption.children;
    what.textContent = `${layer.name} (${layer.op}): ${extent(layer)}`;
    where.textContent = !seen?.layers ? "" : least === null ? "no numbers" : `${written(least)} to ${written(most)}`;
    describe(picture, `${layer.name}: ${seen?.layers ? described(layer) : "nothing yet"}`);
  });
}

function showNearest(seen) {
  const blank = { label: "\u00a0", image: BLANK };
  const nearest = seen?.nearest ?? Array(network?.nearest ?? 0).fill(blank);
  const items = children(element("nearest"), nearest.length, () =>
    make("li", {}, make("figure", {}, make("canvas", { class: "pixels", role: "img" }), make("figcaption"))),
  );
  items.forEach((item, place) => {
    const { label, distance, image } = nearest[place];
    const [canvas, caption] = item.firstElementChild.children;
    showPicture(canvas, image);
    describe(canvas, distance === undefined ? "No test image yet" : `Test image of a ${label}`);
    caption.replaceChildren(make("strong", {}, label), distance === undefined ? "\u00a0" : `at ${distance.toFixed(2)}`);
  });
}

function show(seen) {
  shown = seen;
  const answer = spoken(seen);
  element("answer").textContent = answer;
  const image = element("image");
  const { rows, columns, pixels } = seen?.image ?? BLANK;
  showPicture(image, seen?.image ?? BLANK);
  const inked = pixels.filter((pixel) => pixel > 0).length;
  const size = `${rows} by ${columns} pixels, ${inked} of them with ink`;
  describe(image, seen ? `The drawing in ${size}` : "No image yet");
  showOutputs(seen);
  showLayers(seen);
  showNearest(seen);
}

function showTime(name, { microseconds, runs }) {
  const time = document.querySelector(`label[data-backend="${CSS.escape(name)}"] .time`);
  const [number, unit] = microseconds < 1000 ? [microseconds, "µs"] : [microseconds / 1000, "ms"];
  time.textContent = `${number.toFixed(1)} ${unit}`;
  element("timing").textContent = `Time of one image: the median of ${runs} passes.`;
}

function showBackends(backends) {
  usable = backends.filter(({ error }) => !error);
  const fieldset = element("backends");
  fieldset.querySelectorAll("label").forEach((label) => label.remove());
  for (const { name, text } of usable) {
    const radio = make("input", { type: "radio", name: "backend", value: name });
    radio.checked = name === backend;
    radio.addEventListener("change", () => {
      backend = name;
      look();
      later();
    });
    const words = make("span", {}, name, make("small", {}, text));
    const label = make("label", { "data-backend": name }, radio, words, make("span", { class: "time" }));
    fieldset.append(label);
  }
  const missing = backends.filter(({ error }) => error);
  element("missing").hidden = missing.length === 0;
  element("missing").lastElementChild.replaceChildren(...missing.map(({ error }) => make("li", {}, error)));
}

// ---- the start ----

function refresh() {
  repaint();
  show(shown);
}

async function start() {
  new ResizeObserver(repaint).observe(area);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
  refresh();
  network = await ask("api/network");
  if (!network) return;
  show(shown);
  element("network").textContent = `${network.name}: ${network.network}`;
  element("preparation").textContent = `What the network sees: ${network.preparation}`;
  element("nearest-of").textContent = network.tests ? `Of ${network.tests}, by distance` : network.without;
  element("more").textContent = network.more ? `The first ${network.layers.length}; ${network.more} more are not shown.` : "";
  backend = network.backend;
  showBackends([{ name: backend, text: "", error: "" }]);
  look();
  const backends = await ask("api/backends");
  element("timing").textContent = "";
  if (backends) showBackends(backends);
  later();
}

start();

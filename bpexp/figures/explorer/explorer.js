// The page: what is chosen (step, snapshot, sample, unit), the controls that choose it, and what each network shows of it.

const byId = (id) => document.getElementById(id);
const COUNTS = { step: PAGE.steps.length, snapshot: Math.max(...PAGE.sides.map((side) => side.snapshots.length)), sample: PAGE.samples.length };
const chosenNow = { step: 1, snapshot: 1, sample: 1, unit: 1 };
const ranges = layerRanges();

/** Units of the layer of the chosen step. */
function unitsNow() {
  const { kind, layer } = meaning(PAGE.steps[chosenNow.step - 1]);
  return kind === "C" ? 1 : PAGE.sizes[layer];
}

/** Choose other values, as far as they exist, and show them; numbers count from 1. */
function choose(wanted) {
  for (const key of Object.keys(chosenNow)) {
    const value = Math.round(Number(wanted[key] ?? chosenNow[key])), most = COUNTS[key] ?? unitsNow();
    if (Number.isFinite(value)) chosenNow[key] = Math.max(1, Math.min(most, value));
  }
  history.replaceState(null, "", `#${new URLSearchParams(chosenNow)}`);
  draw();
}

function fromAddress() {
  choose(Object.fromEntries(new URLSearchParams(location.hash.slice(1))));
}

/** The least and the largest delta of any layer, snapshot and network, for curves on one scale. */
function layerRanges() {
  const all = PAGE.sides.flatMap((side) => side.snapshots.flatMap((snapshot) => snapshot.layers.map((layer) => Number(layer.delta_norm))));
  const known = all.filter((value) => value > 0 && Number.isFinite(value));
  return known.length ? { low: Math.min(...known), high: Math.max(...known) } : { low: 1, high: 1 };
}

function momentOf(snapshot) {
  const when = `after ${snapshot.step} update${snapshot.step === 1 ? "" : "s"}, epoch ${snapshot.epoch}`;
  return snapshot.label ? `${snapshot.label}, ${when}` : when;
}

function draw() {
  const { step, snapshot, sample, unit } = chosenNow;
  const symbol = PAGE.steps[step - 1];
  byId("step").value = String(step);
  byId("snapshot").value = String(snapshot);
  byId("sample").value = String(sample);
  byId("unit").max = String(unitsNow());
  byId("unit").value = String(unit);
  byId("back").setAttribute("aria-disabled", String(step === 1)); // a disabled button would lose the focus
  byId("next").setAttribute("aria-disabled", String(step === COUNTS.step));
  const moments = [...new Set(PAGE.sides.map((side) => momentOf(at(side, snapshot))))].join(" / ");
  byId("moment").textContent = `${snapshot} of ${COUNTS.snapshot}: ${moments}`;
  byId("snapshot").setAttribute("aria-valuetext", byId("moment").textContent);
  const told = PAGE.sides.map((side, k) => drawSide(byId(`side-${k + 1}`), side, symbol));
  for (const list of document.querySelectorAll(".values")) {
    const current = list.querySelector("[aria-current]");
    list.scrollTop = current.offsetTop - list.offsetTop - list.clientHeight / 2;
  }
  byId("live").textContent = `Step ${step} of ${COUNTS.step}: ${inWords(symbol)}, unit ${unit}. ${moments}. ${told.join(" ")}`;
}

/** The snapshot of a side; one that ended earlier stays at its end. */
function at(side, snapshot) {
  return side.snapshots[Math.min(snapshot, side.snapshots.length) - 1];
}

/** Draw a network at what is chosen; returns what a screen reader is told of it. */
function drawSide(place, side, symbol) {
  const pass = new Pass(side, Math.min(chosenNow.snapshot, side.snapshots.length) - 1, chosenNow.sample - 1);
  const found = pass.place(symbol);
  const later = pass.steps.findIndex((one) => PAGE.steps.indexOf(one.symbol) > PAGE.steps.indexOf(symbol));
  const step = pass.steps[found >= 0 ? found : later - 1];
  const i = chosenNow.unit - 1;
  const parts = [element("h2", {}, side.name), qualities(pass), figure(pass, step, i)];
  if (found < 0) {
    const absent = element("p", { class: "absent" }, "This network has no such step: next it computes ", formula(`${pass.steps[later].symbol} = ${pass.steps[later].equation}`), ".");
    place.replaceChildren(...parts, absent, layers(side), notes(side));
    return `${side.name}: has no such step.`;
  }
  const { rows, note } = putIn(pass, step, i);
  place.replaceChildren(...parts, equation(step), numbers(rows, note), values(pass, step, i), layers(side), notes(side));
  return `${side.name}: ${rows.map((row) => row.result).join(", ")}.`;
}

/** The metrics of each part of the data, such as "loss: train 0.5, test 0.6". */
function qualities(pass) {
  const lines = new Map();
  for (const [name, value] of Object.entries(pass.snapshot.metrics)) {
    const [metric, part] = name.split("/");
    if (!lines.has(metric)) lines.set(metric, element("span", {}, `${metric}: `));
    else lines.get(metric).append(", ");
    lines.get(metric).append(`${part} `, element("b", {}, value));
  }
  return element("p", { class: "metrics" }, ...lines.values());
}

function figure(pass, step, i) {
  const width = Math.max(300, Math.min(620, byId("sides").clientWidth / (innerWidth > 900 ? PAGE.sides.length : 1) - 44));
  const { drawing, most, quantity } = network(pass, step, i, width, (layer, unit) => jump(step, layer, unit));
  const made = element("figure", {}, drawing);
  const key = element("span", { class: "key" });
  key.style.background = `linear-gradient(to right, ${PAGE.shades.join(",")})`;
  const caption = element("figcaption", {});
  if (quantity.length) {
    const symbols = quantity.flatMap((name, k) => (k ? [" and ", formula(name)] : [formula(name)]));
    caption.append("Colour: ", ...symbols, `, one scale for the layers 1 to ${DEPTH}: ${show(-most)} `, key, ` ${show(most)}. `);
  }
  caption.append("Line: W, solid above 0, dashed below.");
  made.append(caption);
  const { kind, layer } = meaning(step.symbol);
  const weights = layer === 1 && ["z", "a", "W", "delta"].includes(kind) ? weightPicture(pass, i) : null;
  if (weights) {
    const said = `weights of unit ${i + 1} of layer 1, from -${pass.snapshot.weights[0].most} (dark) to ${pass.snapshot.weights[0].most} (light)`;
    weights.setAttribute("role", "img");
    weights.setAttribute("aria-label", said);
    made.append(element("div", { class: "picture" }, weights, element("span", {}, formula("W^1"), ` as a picture: ${said}`)));
  }
  return made;
}

/** The step of the same kind at the layer of a unit that was clicked, and the unit. */
function jump(step, layer, unit) {
  const { kind } = meaning(step.symbol);
  const same = PAGE.steps.findIndex((symbol) => meaning(symbol).kind === kind && meaning(symbol).layer === layer);
  const any = PAGE.steps.indexOf(`a^${layer}`);
  choose({ step: (same >= 0 ? same : any) + 1, unit: unit + 1 });
}

function equation(step) {
  const text = step.equation ? `${step.symbol} = ${step.equation}` : step.symbol;
  return element("p", { class: "equation" }, formula(text), element("span", { class: "source" }, step.source));
}

function numbers(rows, note) {
  const made = element("div", { class: "numbers" });
  for (const { symbol, put, result } of rows) {
    const line = element("p", {}, formula(symbol));
    if (put) line.append(" = ", element("span", { class: "put" }, ...unbroken(put)));
    line.append(" = ", element("b", { class: "result" }, result));
    made.append(line);
  }
  if (note) made.append(element("p", { class: "note" }, note));
  return made;
}

/** Words between which a line may end; no line ends within a number such as 4.9e-4. */
function unbroken(text) {
  return text.split(" ").flatMap((word, k) => (k ? [" ", element("span", {}, word)] : [element("span", {}, word)]));
}

/** All numbers of the step, one for each unit, as a list. */
function values(pass, step, i) {
  const { kind, layer } = meaning(step.symbol);
  const symbol = kind === "b" ? `delta^${layer}` : step.symbol;
  const all = pass.values(symbol);
  if (kind === "W" || kind === "C" || all.length < 2) return "";
  if (all.length > CELLS) {
    const other = all.filter((value) => value !== 0).length;
    return element("p", { class: "note" }, `${all.length} numbers, of which ${other} are not 0; the largest in size is ${show(largest(all))}.`);
  }
  const names = layer === DEPTH && PAGE.classes.length === all.length ? PAGE.classes : [];
  const items = all.map((value, k) => {
    const name = names[k] === undefined ? `${k + 1}` : `${k + 1} (${names[k]})`;
    const told = [element("span", { class: "name", title: name }, name), " ", element("span", { class: "value" }, show(value))];
    const item = element("li", k === i ? { "aria-current": "true" } : {}, ...told);
    item.addEventListener("click", () => choose({ unit: k + 1 }));
    return item;
  });
  return element("ol", { class: "values", "aria-label": `${step.symbol} of all units`, tabindex: "0" }, ...items);
}

const COLUMNS = [["delta_norm", "|delta|"], ["saturation", "saturated"], ["dead", "dead"], ["change", "W changed by"]];

/** What is measured of each layer at the snapshot, and how delta went over the training. */
function layers(side) {
  const now = at(side, chosenNow.snapshot), place = side.snapshots.indexOf(now);
  const head = element("tr", {}, ...["layer", ...COLUMNS.map((column) => column[1]), "|delta| in training"].map((name) => element("th", { scope: "col" }, formula(name))));
  const rows = now.layers.map((layer, l) => {
    const history = side.snapshots.map((snapshot) => Number(snapshot.layers[l].delta_norm));
    const cells = COLUMNS.map(([name]) => cell(name, layer[name]));
    return element("tr", {}, element("th", { scope: "row" }, String(l + 1)), ...cells, element("td", {}, curve(history, ranges.low, ranges.high, place)));
  });
  const caption = element("caption", {}, "Each layer at this moment of the training");
  return element("div", { class: "scroll" }, element("table", { class: "layers" }, caption, element("thead", {}, head), element("tbody", {}, ...rows)));
}

/** A number with a bar behind it: of delta on a scale of powers of ten, of a share from 0 to 1. */
function cell(name, told) {
  if (told === undefined) return element("td", {}, "\u2013");
  const value = Number(told);
  const share = name !== "delta_norm" ? value : (Math.log(value) - Math.log(ranges.low)) / (Math.log(ranges.high) - Math.log(ranges.low) || 1);
  const bar = element("span", { class: "bar", "aria-hidden": "true" });
  bar.style.width = `${Math.max(0, Math.min(1, share || 0)) * 100}%`;
  const shown = name === "delta_norm" || !Number.isFinite(value) ? show(value) : `${show(Number((100 * value).toPrecision(PAGE.digits)))} %`;
  return element("td", {}, bar, element("span", { class: "number" }, shown));
}

function notes(side) {
  return element("ul", { class: "notes" }, ...side.notes.map((note) => element("li", {}, note)));
}

function setUp() {
  document.title = PAGE.title;
  byId("title").textContent = PAGE.title;
  byId("facts").textContent = PAGE.facts.join(" ");
  byId("legend").append(formula(PAGE.legend));
  byId("digits").textContent = String(PAGE.digits);
  const sections = new Map();
  PAGE.steps.forEach((symbol, k) => {
    const step = PAGE.sides.flatMap((side) => side.variants.flat()).find((one) => one[1] === symbol);
    if (!sections.has(step[0])) sections.set(step[0], element("optgroup", { label: step[0] }));
    sections.get(step[0]).append(element("option", { value: k + 1 }, inLetters(`${k + 1} of ${COUNTS.step}: ${symbol}${step[2] ? ` = ${step[2]}` : ""}`)));
  });
  byId("step").append(...sections.values());
  PAGE.samples.forEach((sample, k) => byId("sample").append(element("option", { value: k + 1 }, sample.name)));
  byId("snapshot").max = String(COUNTS.snapshot);
  byId("sides").append(...PAGE.sides.map((side, k) => element("section", { id: `side-${k + 1}`, "aria-label": side.name })));
  for (const key of Object.keys(chosenNow)) byId(key).addEventListener("input", (event) => choose({ [key]: event.target.value }));
  byId("back").addEventListener("click", () => choose({ step: chosenNow.step - 1 }));
  byId("next").addEventListener("click", () => choose({ step: chosenNow.step + 1 }));
  addEventListener("hashchange", fromAddress);
  addEventListener("resize", draw);
  addEventListener("keydown", pressed);
  fromAddress();
}

/** Arrow keys, where no control has the focus that uses them itself. */
function pressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || ["INPUT", "SELECT"].includes(event.target.tagName)) return;
  const along = { ArrowRight: 1, ArrowLeft: -1 }[event.key], across = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (along) choose(event.shiftKey ? { snapshot: chosenNow.snapshot + along } : { step: chosenNow.step + along });
  else if (across) choose({ unit: chosenNow.unit + across });
  else return;
  event.preventDefault();
}

setUp();

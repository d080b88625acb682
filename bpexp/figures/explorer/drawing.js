// Drawings: a network as SVG, pictures of wide layers, and a small curve. They repeat numbers that stand in the text.

const BIG = 6, ROUND = 16, TALL = 32, CELLS = 512, EDGES = 400;

/** An SVG element with attributes and children. */
function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** The colour of a value between -most and most, dark to light; a value that is no number has none. */
function shade(value, most) {
  if (Number.isNaN(value)) return "transparent";
  const share = Math.max(-1, Math.min(1, value / most));
  return PAGE.shades[Math.round(((share + 1) / 2) * (PAGE.shades.length - 1))];
}

/** A picture of colours, one a pixel, row by row. */
function picture(colours, columns) {
  const rows = Math.ceil(colours.length / columns);
  const canvas = element("canvas", { width: columns, height: rows });
  const pen = canvas.getContext("2d");
  colours.forEach((colour, at) => {
    pen.fillStyle = colour;
    pen.fillRect(at % columns, Math.floor(at / columns), 1, 1);
  });
  return canvas;
}

/** Columns of a layer that is drawn as a picture. */
function columnsOf(layer) {
  return layer === 0 && PAGE.image ? PAGE.image[1] : Math.ceil(Math.sqrt(PAGE.sizes[layer]));
}

/** The weights of a unit of a wide first layer as a picture; null where it has none. */
function weightPicture(pass, i) {
  const { picture: packed, units } = pass.snapshot.weights[0];
  if (packed === undefined || i >= units) return null;
  const n = PAGE.sizes[0], shades = bytes(packed).subarray(i * n, (i + 1) * n);
  return picture(Array.from(shades, (value) => (value ? shade(value - 128, 127) : "transparent")), columnsOf(0));
}

/** Place and size of a layer: rows and columns of cells, or one picture. */
function box(layer) {
  const n = PAGE.sizes[layer];
  if ((layer === 0 && PAGE.image) || n > CELLS) {
    const columns = columnsOf(layer);
    const cell = Math.min(112 / columns, 150 / Math.ceil(n / columns));
    return { n, columns, cell, rows: Math.ceil(n / columns), broad: 1, asPicture: true };
  }
  const rows = Math.min(n, TALL), cell = n <= BIG ? 44 : n <= ROUND ? 18 : 9;
  const columns = Math.ceil(n / rows);
  return { n, rows, columns, cell, broad: n > ROUND && columns === 1 ? 2 : 1, asPicture: false };
}

/** The width of a layer; the cells of a band are broader than they are high. */
function breadth(one) {
  return one.columns * one.cell * one.broad;
}

/** The boxes of all layers, from left to right, within a width; `right` is left for the names of the outputs. */
function layout(width, right) {
  const boxes = PAGE.sizes.map((_, layer) => box(layer));
  const taken = boxes.reduce((sum, one) => sum + breadth(one), 0);
  const scale = Math.min(1, (width - right - 10 * DEPTH) / taken);
  const gap = (width - right - taken * scale) / DEPTH;
  let x = 0;
  for (const one of boxes) {
    one.cell *= scale;
    one.x = x;
    x += breadth(one) + gap;
  }
  const height = Math.max(...boxes.map((one) => one.rows * one.cell));
  for (const one of boxes) one.y = 2 + (height - one.rows * one.cell) / 2;
  return { boxes, height: height + 4 };
}

/** The middle of a unit. */
function middle(one, i) {
  const column = Math.floor(i / one.rows), row = i % one.rows;
  return [one.x + (column + 0.5) * one.cell * one.broad, one.y + (row + 0.5) * one.cell];
}

/** What the units of each layer show at a step: the name of the quantity and its numbers; null before they are known. */
function quantities(pass, step) {
  const done = (symbol) => pass.place(symbol) >= 0 && pass.place(symbol) <= pass.place(step.symbol);
  const first = (...symbols) => symbols.find(done) ?? null;
  return PAGE.sizes.map((_, l) => {
    if (l === 0) return "a^0";
    return step.section === "forward" ? first(`a^${l}`, `z^${l}`) : first(`delta^${l}`, `dC/da^${l}`);
  });
}

/** The network at a step, with unit i of its layer marked; `choose(layer, i)` is called for a unit that is clicked. */
function network(pass, step, i, width, choose) {
  const names = PAGE.classes.length === PAGE.sizes[DEPTH] && PAGE.sizes[DEPTH] <= ROUND ? PAGE.classes : [];
  const { boxes, height } = layout(width, names.length ? 72 : 4);
  const shown = quantities(pass, step);
  const scaled = shown.filter((symbol, l) => symbol && l > 0);
  const most = largest(scaled.flatMap((symbol) => pass.values(symbol)));
  const { layer } = meaning(step.symbol);
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height + 24}`, role: "img", "aria-label": spoken(pass, shown) });
  drawing.append(edges(pass, boxes, step, i));
  boxes.forEach((one, l) => {
    const values = shown[l] ? pass.values(shown[l]) : null;
    const scale = l === 0 ? largest(values) : most;
    drawing.append(one.asPicture ? wide(one, values, scale) : units(pass, one, l, values, scale, l === layer ? i : -1, choose));
    const below = svg("text", { x: one.x + breadth(one) / 2, y: height + 18, "text-anchor": "middle", class: l === layer ? "here" : "" });
    below.append(l === 0 ? "x" : String(l));
    drawing.append(below);
  });
  names.forEach((name, k) => {
    const [, y] = middle(boxes[DEPTH], k), one = boxes[DEPTH], target = pass.values("y")[k] === 1;
    const label = svg("text", { x: one.x + breadth(one) + 5, y: y + 4, class: target ? "target" : "" });
    label.append((target ? "\u25c2 " : "") + shortened(name, target ? 6 : 8));
    drawing.append(label);
  });
  return { drawing, most, quantity: scaled.length ? [...new Set(scaled.map((symbol) => symbol.split("^")[0]))] : [] };
}

/** A text of at most so many letters, of which the last may stand for the rest. */
function shortened(text, most) {
  const letters = [...text];
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}\u2026` : text;
}

function spoken(pass, shown) {
  const known = shown.map((symbol, l) => (l && symbol ? `layer ${l}: ${symbol}` : "")).filter(Boolean).join(", ");
  return `Network ${PAGE.sizes.join("-")}${known ? `, coloured by ${known}` : ""}; the numbers stand in the text below`;
}

function wide(one, values, scale) {
  const colours = values ? values.map((value) => shade(value, scale)) : Array(one.n).fill("transparent");
  const size = { x: one.x, y: one.y, width: breadth(one), height: one.rows * one.cell };
  const image = svg("image", { ...size, href: picture(colours, one.columns).toDataURL(), preserveAspectRatio: "none" });
  return svg("g", {}, image, svg("rect", { ...size, class: "frame" }));
}

function units(pass, one, layer, values, scale, marked, choose) {
  const group = svg("g", {});
  for (let i = 0; i < one.n; i += 1) {
    const [x, y] = middle(one, i), size = one.cell, value = values ? values[i] : NaN;
    const style = { fill: values ? shade(value, scale) : "transparent", class: i === marked ? "unit marked" : "unit" };
    const unit = one.n <= ROUND
      ? svg("circle", { cx: x, cy: y, r: size * 0.42, ...style })
      : svg("rect", { x: x - (size * one.broad) / 2, y: y - size / 2, width: size * one.broad, height: size, ...style });
    if (!values) unit.classList.add("unknown");
    const title = svg("title");
    title.append(`${layer ? `layer ${layer}, unit` : "input"} ${i + 1}${values ? `: ${show(value)}` : ""}`);
    unit.append(title);
    unit.addEventListener("click", () => choose(layer, i));
    group.append(unit, ...mark(layer ? pass.snapshot.layers[layer - 1].units[i] : "-", x, y, size * 0.3));
    if (values && one.n <= BIG && size > 30) {
      const label = svg("text", { x, y: y + 3, "text-anchor": "middle", class: `inside ${value / scale > 0.25 ? "dark" : "light"}` });
      label.append(show(Number(value.toPrecision(2))));
      group.append(label);
    }
  }
  return group;
}

/** A cross over a dead unit, a stroke over a saturated one. */
function mark(letter, x, y, reach) {
  if (letter === "-") return [];
  const strokes = [{ x1: x - reach, y1: y + reach, x2: x + reach, y2: y - reach }];
  if (letter === "d") strokes.push({ x1: x - reach, y1: y - reach, x2: x + reach, y2: y + reach });
  return strokes.flatMap((ends) => [svg("line", { ...ends, class: "halo" }), svg("line", { ...ends, class: "mark" })]);
}

/** Edges: all of a small network, else those of the marked unit, on the side from which its number comes. */
function edges(pass, boxes, step, i) {
  const group = svg("g", { class: "edges" });
  const { kind, layer } = meaning(step.symbol);
  const backward = kind === "delta" && layer < DEPTH;
  const marked = backward ? layer + 1 : layer;
  const few = PAGE.sizes.slice(1).reduce((sum, n, l) => sum + n * PAGE.sizes[l], 0) <= EDGES;
  for (let l = 1; l <= DEPTH; l += 1) {
    if ((!few && l !== marked) || boxes[l - 1].asPicture || boxes[l].asPicture || pass.weights(l) === null) continue;
    const most = largest(pass.weights(l));
    for (let to = 0; to < boxes[l].n; to += 1) {
      for (let from = 0; from < boxes[l - 1].n; from += 1) {
        const own = l === marked && (backward ? from === i : to === i);
        if (few || own) group.append(edge(middle(boxes[l - 1], from), middle(boxes[l], to), pass.weight(l, to, from), most, own));
      }
    }
  }
  return group;
}

function edge([x1, y1], [x2, y2], weight, most, own) {
  const size = Number.isFinite(weight) ? Math.abs(weight) / most : 0;
  const style = `${weight < 0 ? "negative" : "positive"}${own ? " own" : ""}`;
  return svg("line", { x1, y1, x2, y2, class: style, "stroke-width": (0.3 + 2.7 * size).toFixed(2) });
}

/** A curve over the snapshots, on a scale of powers of ten from `low` to `high`, with a mark at one of them. */
function curve(values, low, high, at) {
  const width = 96, height = 26, span = Math.log(high) - Math.log(low) || 1;
  const x = (k) => 3 + (k * (width - 6)) / Math.max(1, values.length - 1);
  const y = (value) => height - 3 - ((height - 6) * (Math.log(value) - Math.log(low))) / span;
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "curve", "aria-hidden": "true" });
  const points = values.map((value, k) => (value > 0 && Number.isFinite(value) ? `${x(k).toFixed(1)},${y(value).toFixed(1)}` : null));
  drawn.append(svg("polyline", { points: points.filter(Boolean).join(" ") }));
  if (points[at]) drawn.append(svg("circle", { cx: x(at), cy: y(values[at]), r: 3 }));
  return drawn;
}

// The steps of a pass: what a symbol means, its equation as HTML, and the numbers of one unit put into it.

const DEPTH = PAGE.sizes.length - 1;
const KINDS = { "a": "a", "z": "z", "delta": "delta", "f'(z": "slope", "dC/da": "cost slope", "dC/dW": "W", "dC/db": "b" };

/** What a symbol such as delta^2 stands for: its kind, and the layer of its units. */
function meaning(symbol) {
  const parts = symbol.match(/^(.*)\^(\d+)\)?$/);
  return parts ? { kind: KINDS[parts[1]], layer: Number(parts[2]) } : { kind: symbol, layer: DEPTH };
}

const WORDS = { "slope": "f'(z)", "cost slope": "dC/da", "W": "dC/dW", "b": "dC/db" };

/** A symbol in words, for a screen reader. */
function inWords(symbol) {
  const { kind, layer } = meaning(symbol);
  return ["y", "C"].includes(kind) ? kind : `${WORDS[kind] ?? kind} of layer ${layer}`;
}

/** A formula without raised letters, for the items of a list. */
function inLetters(text) {
  const raised = (digits) => [...digits].map((digit) => "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"[digit]).join("");
  return signs(text).replace(/\^(\d+)/g, (_, digits) => raised(digits)).replaceAll("^T", "\u1d40");
}

/** Signs of mathematics in place of the words that Python writes. */
function signs(text) {
  return text.replace(/\bdC\/d/g, "\u2202C/\u2202").replace(/\bd([az])_/g, "\u2202$1_").replace(/(?<![a-z])delta(?![a-z])/g, "\u03b4")
    .replace(/\bsum_/g, "\u03a3_").replaceAll(" * ", " \u2299 ");
}

/** An element with attributes and children; text stays text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A formula as Python writes it, such as (W^2)^T delta^2 * f'(z^1), with raised and lowered letters. */
function formula(text) {
  const plain = signs(text);
  const made = element("span", { class: "formula" });
  let at = 0;
  for (const found of plain.matchAll(/\^(T|\d+)|_([ij]|\d+(?:,\d+)?)(?![a-z])/g)) {
    made.append(plain.slice(at, found.index), element(found[1] ? "sup" : "sub", {}, found[1] ?? found[2]));
    at = found.index + found[0].length;
  }
  made.append(plain.slice(at));
  return made;
}

/** The symbol of one unit: z^2 of unit 3 is z_3^2. */
function ofUnit(symbol, index) {
  return symbol.includes("^") ? symbol.replace("^", `_${index}^`) : symbol;
}

/** One network at one snapshot with one sample: its numbers by symbol. */
class Pass {
  constructor(side, snapshot, sample) {
    this.side = side;
    this.snapshot = side.snapshots[snapshot];
    this.told = this.snapshot.passes[sample];
    this.steps = side.variants[this.told.variant].map(([section, symbol, equation, source]) => ({ section, symbol, equation, source }));
    this.read = new Map();
  }

  /** The place of a symbol in the order of computation; -1 for a step that this network does not have. */
  place(symbol) {
    return this.steps.findIndex((step) => step.symbol === symbol);
  }

  /** The numbers of a symbol, one for each unit. */
  values(symbol) {
    return this._once(symbol, () => (symbol in this.told.values ? decimals(this.told.values[symbol]) : []));
  }

  bias(layer) {
    return this._once(`b${layer}`, () => decimals(this.snapshot.weights[layer - 1].b));
  }

  /** W of a layer row by row, as far as its numbers are in the page; else null. */
  weights(layer) {
    const packed = this.snapshot.weights[layer - 1].W;
    return packed === undefined ? null : this._once(`W${layer}`, () => decimals(packed));
  }

  /** W_ij of a layer, i and j counted from 0. */
  weight(layer, i, j) {
    return this.weights(layer)[i * PAGE.sizes[layer - 1] + j];
  }

  /** The terms W_ij a_j of z_i with the largest size, as {j, W, a}; all of them where they are few. */
  termsBelow(layer, i) {
    const a = this.values(`a^${layer - 1}`);
    if (this.weights(layer) === null) {
      const j = integers(this.told.terms.j), W = decimals(this.told.terms.W);
      const from = i * PAGE.terms;
      return j.slice(from, from + PAGE.terms).map((at, k) => ({ j: at, left: W[from + k], right: a[at] }));
    }
    return chosen(a.map((right, j) => ({ j, left: this.weight(layer, i, j), right })));
  }

  /** The terms W_ki delta_k of the layer above with the largest size, as for `termsBelow`. */
  termsAbove(layer, i) {
    const delta = this.values(`delta^${layer + 1}`);
    return chosen(delta.map((right, j) => ({ j, left: this.weight(layer + 1, j, i), right })));
  }

  _once(key, compute) {
    if (!this.read.has(key)) this.read.set(key, compute());
    return this.read.get(key);
  }
}

/** Of many products the largest, of few all, in their order. */
function chosen(terms) {
  if (terms.length <= PAGE.few) return terms;
  return [...terms].sort((one, two) => Math.abs(two.left * two.right) - Math.abs(one.left * one.right)).slice(0, PAGE.terms);
}

function products(terms, of) {
  const told = terms.map((term) => `${show(term.left)} \u00d7 ${factor(term.right)}`).join(" + ").replaceAll("+ -", "\u2212 ");
  return of > terms.length ? `${told} + \u2026` : told;
}

function plus(value) {
  return value < 0 ? ` \u2212 ${show(-value)}` : ` + ${show(value)}`;
}

/** What a note below a sum says of the terms that were told. */
function remark(terms, of, what) {
  if (of <= terms.length) return "";
  return `The terms of ${what} ${terms.map((term) => term.j + 1).join(", ")}: the largest of ${of}; the others are in the sum, too.`;
}

function list(values) {
  const told = values.slice(0, 12).map(show).join(", ");
  return values.length > 12 ? `(${told}, \u2026)` : `(${told})`;
}

/** The rows of a step for unit i (from 0): {symbol, put, result}, where `put` is the equation with its numbers; and a note. */
function putIn(pass, step, i) {
  const { kind, layer } = meaning(step.symbol);
  const value = pass.values(step.symbol)[i];
  const row = (put) => ({ rows: [{ symbol: ofUnit(step.symbol, i + 1), put, result: show(value) }], note: "" });
  const of = (symbol) => pass.values(symbol);
  const functions = pass.side.functions;
  switch (kind) {
    case "z": {
      const n = PAGE.sizes[layer - 1], terms = pass.termsBelow(layer, i);
      return { ...row(products(terms, n) + plus(pass.bias(layer)[i])), note: remark(terms, n, layer > 1 ? "the units" : "the inputs") };
    }
    case "a":
      if (layer === 0) return row("");
      if (functions[layer - 1] === "softmax") return row(`softmax of z = ${list(of(`z^${layer}`))}`);
      return row(`${functions[layer - 1]}(${show(of(`z^${layer}`)[i])})`);
    case "C":
      return {
        rows: [{ symbol: "C", put: `${functions[DEPTH]}(${list(of(`a^${DEPTH}`))}, ${list(of("y"))})`, result: show(pass.values("C")[0]) }],
        note: "",
      };
    case "cost slope":
      return row(`slope of ${functions[DEPTH]} at a = ${show(of(`a^${layer}`)[i])}, y = ${show(of("y")[i])}`);
    case "slope":
      return row(`slope of ${functions[layer - 1]} at z = ${show(of(`z^${layer}`)[i])}`);
    case "delta":
      return layer === DEPTH ? row(lastDelta(pass, step, i)) : hiddenDelta(pass, row, layer, i);
    case "W":
      return slopes(pass, step.symbol, layer, i);
    case "b":
      return { rows: [{ symbol: ofUnit(step.symbol, i + 1), put: "", result: show(of(`delta^${layer}`)[i]) }], note: "" };
    default:
      return row("");
  }
}

function lastDelta(pass, step, i) {
  const a = pass.values(`a^${DEPTH}`)[i], y = pass.values("y")[i];
  const constant = step.equation.match(/^(\S+) \(a/);
  if (pass.place(`dC/da^${DEPTH}`) < 0) {
    const difference = `${show(a)} \u2212 ${factor(y)}`;
    return constant ? `${constant[1]} (${difference})` : difference;
  }
  const slope = pass.values(`dC/da^${DEPTH}`);
  if (pass.place(`f'(z^${DEPTH})`) < 0) return `the sum over j, with \u2202C/\u2202a = ${list(slope)}`;
  return `${show(slope[i])} \u00d7 ${factor(pass.values(`f'(z^${DEPTH})`)[i])}`;
}

function hiddenDelta(pass, row, layer, i) {
  const n = PAGE.sizes[layer + 1], terms = pass.termsAbove(layer, i);
  const put = `(${products(terms, n)}) \u00d7 ${factor(pass.values(`f'(z^${layer})`)[i])}`;
  return { ...row(put), note: remark(terms, n, "the units above") };
}

function slopes(pass, symbol, layer, i) {
  const told = pass.told.slopes[layer - 1], j = integers(told.j), values = decimals(told.values), n = PAGE.sizes[layer - 1];
  const delta = pass.values(`delta^${layer}`)[i], a = pass.values(`a^${layer - 1}`);
  const rows = j.map((at, k) => ({
    symbol: symbol.replace("^", `_${i + 1},${at + 1}^`),
    put: `${show(delta)} \u00d7 ${factor(a[at])}`,
    result: show(values[i * j.length + k]),
  }));
  const note = n > j.length ? `Row ${i + 1} has ${n} entries, one for each ${layer > 1 ? "unit below" : "input"}; these are of the largest a.` : "";
  return { rows, note };
}

// Numbers: what Python packed (bpexp/figures/explorer/decimals.py), and numbers as text. Nothing is computed here.

const PAGE = JSON.parse(document.getElementById("numbers").textContent);
const INFINITE = 16382, NO_NUMBER = 16383;

/** The bytes of a text in base64. */
function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** Whole numbers of three bytes each. */
function integers(text) {
  const raw = bytes(text), found = [];
  for (let at = 0; at < raw.length; at += 3) found.push((raw[at] << 16) | (raw[at + 1] << 8) | raw[at + 2]);
  return found;
}

/** Decimals of three bytes each: a sign, the digits as a whole number m, and e, which make m 10^e. */
function decimals(text) {
  return integers(text).map((packed) => {
    const digits = (packed >> 9) & 16383, exponent = (packed & 511) - 256;
    const size = digits === NO_NUMBER ? NaN : digits === INFINITE ? Infinity : Number(`${digits}e${exponent}`);
    return packed >> 23 ? -size : size;
  });
}

/** A number as text, with the digits that Python gave it. */
function show(value) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "infinity" : "-infinity";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(PAGE.digits - 1).replace(/\.?0+e/, "e").replace("e+", "e");
  return String(Number(value.toPrecision(PAGE.digits)));
}

/** A number as a factor of a product. */
function factor(value) {
  return value < 0 ? `(${show(value)})` : show(value);
}

/** The largest absolute value that is finite, at least 1e-300. */
function largest(values) {
  return values.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 1e-300);
}

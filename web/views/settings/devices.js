// What people call the devices that sign in, by what their programs call themselves.

const PROGRAMS = [
  [/Edg(e|A|iOS)?\//, "Edge"],
  [/OPR\//, "Opera"],
  [/(Firefox|FxiOS)\//, "Firefox"],
  [/(Chrome|CriOS)\//, "Chrome"],
  [/Safari\//, "Safari"],
];
const SYSTEMS = [
  [/iPhone|iPad/, "iOS"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/Mac OS/, "macOS"],
  [/CrOS/, "ChromeOS"],
  [/Linux/, "Linux"],
];

const find = (names, text) => names.find(([pattern]) => pattern.test(text))?.[1];

/** "Firefox on Linux"; what is no browser is called what it calls itself. */
export function deviceName(text) {
  const program = find(PROGRAMS, text);
  if (!program) return text || "A program without a name";
  const system = find(SYSTEMS, text);
  return system ? `${program} on ${system}` : program;
}

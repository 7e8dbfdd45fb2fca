// Dates, durations and numbers, in the language of the browser and the time zone of the account.

const LANGUAGE = navigator.languages;
let zone = "UTC";

export const setZone = (name) => {
  zone = name;
};

const SHORT = { dateStyle: "medium", timeStyle: "short" };
export const formatInstant = (iso) => new Intl.DateTimeFormat(LANGUAGE, { ...SHORT, timeZone: zone }).format(new Date(iso));
export const formatSpan = (from, to) =>
  new Intl.DateTimeFormat(LANGUAGE, { ...SHORT, timeZone: zone }).formatRange(new Date(from), new Date(to));
export const formatDay = (iso) => {
  const isThisYear = toWallClock(iso).slice(0, 4) === toWallClock(new Date()).slice(0, 4);
  const year = isThisYear ? undefined : "numeric";
  const format = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "short", year, timeZone: zone });
  return format.format(new Date(iso));
};
export const formatTime = (iso) =>
  new Intl.DateTimeFormat(LANGUAGE, { timeStyle: "short", timeZone: zone }).format(new Date(iso));
/** A day of the calendar, as a field of type date has it, wherever one is. */
export const formatCalendarDay = (day) =>
  new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "full", timeZone: "UTC" }).format(new Date(`${day}T00:00Z`));
export const formatNumber = (number) => new Intl.NumberFormat(LANGUAGE).format(number);
export const formatPercent = (number) => new Intl.NumberFormat(LANGUAGE, { style: "percent" }).format(number / 100);

/** As on a stopwatch: 1:02:03. */
export function formatElapsed(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, "0"));
  return `${Math.floor(whole / 3600)}:${parts.join(":")}`;
}

/** As one says it: 2 hr 5 min. */
export function formatDuration(seconds) {
  const unit = (value, name) =>
    new Intl.NumberFormat(LANGUAGE, { style: "unit", unit: name, unitDisplay: "short" }).format(value);
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return unit(minutes, "minute");
  return `${unit(Math.floor(minutes / 60), "hour")} ${unit(minutes % 60, "minute")}`;
}

/** What an input of type datetime-local shows for an instant: the wall clock of the account's zone. */
export function toWallClock(iso) {
  if (!iso) return "";
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone, hourCycle: "h23",
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
  });
  const parts = Object.fromEntries(format.formatToParts(new Date(iso)).map(({ type, value }) => [type, value]));
  return `${parts.year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}`;
}

/** The instant at which that clock shows this; where it shows it twice or never, one close by. */
export function fromWallClock(text) {
  if (!text) return null;
  const wanted = Date.parse(`${text}Z`);
  let instant = wanted;
  for (let i = 0; i < 2; i += 1) {
    instant += wanted - Date.parse(`${toWallClock(new Date(instant).toISOString())}Z`);
  }
  return new Date(instant).toISOString();
}

/** All time zones by name; the browser's list has not the plain one, nor what is older like some of `more`. */
export const zoneNames = (...more) => [...new Set(["UTC", ...Intl.supportedValuesOf("timeZone"), ...more])].sort();

/** The zone of this device, for a new account. */
export const ownZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

// Every function returns nothing where the value fits, else where it is wrong and what is:
// `.projects[0].id: expected a string`. The caller puts its own path in front, so that a path is
// only built once something is wrong.

const isObject = (v) => typeof v === 'object' && v !== null && !Array.isArray(v)

// -0 is no integer on the wire: serde reads it as a fraction.
const isInteger = (v, min, max) => Number.isInteger(v) && v >= min && v <= max && !Object.is(v, -0)

const missing = (v, names) =>
  `.${names.find((name) => !Object.hasOwn(v, name))}: is missing`

const oneOf = (v, names) => (typeof v === 'string' ? `: expected ${names}` : ': expected a string')

const TIME =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/

const digits = (text, at) => text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 528

function isTime(v) {
  if (typeof v !== 'string' || !TIME.test(v)) return false
  const year = digits(v, 0) * 100 + digits(v, 2)
  const month = digits(v, 5)
  const day = digits(v, 8)
  if (day > 28 && day > daysIn(year, month)) return false
  return year > 1970 && year < 9999 ? true : isFrom1970To9999(v, year, month, day)
}

function daysIn(year, month) {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
}

// Only here does the offset decide.
function isFrom1970To9999(v, year, month, day) {
  const at = v.length - 6
  const minutes = v.endsWith('Z') ? 0 : digits(v, at + 1) * 60 + digits(v, at + 4)
  const east = v[at] === '-' ? -minutes : minutes
  const ms = Date.UTC(year, month - 1, day, digits(v, 11), digits(v, 14) - east, digits(v, 17))
  // Date.UTC takes the years 0 to 99 for those of the last century.
  return year > 99 && ms >= 0 && ms < 253402300800000
}

const time = (v) =>
  typeof v === 'string'
    ? ': expected an RFC 3339 time such as 2026-01-31T12:00:00.000Z'
    : ': expected a string'

function whole(error) {
  if (error === undefined) return undefined
  return error[0] === '.' ? error.slice(1) : error[0] === '[' ? error : `payload${error}`
}

// A check takes a value, and says something truthy where that doesn't fit: on the way that nearly all
// values go, nothing else. What is wrong, and where, is found by looking once more, through a proxy that
// notes what was read last: `.projects[0].id: expected a string`. Then what is missing counts as right
// until all the fields that are there are.

/** The path of what was read last, while something is looked at once more. */
let place

/** The path of the first field that is missing in the object that is looked at. */
let missing = ''

function any(v) {
  if (v !== undefined) return false
  if (place === undefined) return true
  missing ||= place
  return false
}

const not = (v, expected) => (v === undefined ? any(v) : `${place}: expected ${expected}`)

const string = (v) => typeof v !== 'string' && not(v, 'a string')

const boolean = (v) => typeof v !== 'boolean' && not(v, 'a boolean')

const number = (v) => typeof v !== 'number' && not(v, 'a number')

// -0 is no integer on the wire: serde reads it as a fraction.
const integer = (v, max = 4294967295, min = 0) =>
  !(Number.isInteger(v) && v >= min && v <= max && !Object.is(v, -0)) && not(v, 'an integer')

const time = (v) => !isTime(v) && not(v, typeof v === 'string' ? 'an RFC 3339 time such as 2026-01-31T12:00:00.000Z' : 'a string')

const oneOf = (...names) => (v) => !names.includes(v) && not(v, typeof v === 'string' ? listed(names) : 'a string')

const listed = (names) => (names.length < 3 ? names.join(' or ') : `one of ${names.join(', ')}`)

const isObject = (v) => typeof v === 'object' && v !== null && !Array.isArray(v)

// A field by a name that every object answers to.
const own = (v, name) => {
  const field = v[name]
  return Object.hasOwn(v, name) ? field : undefined
}

const object = (fields) => (v) => {
  if (!isObject(v)) return not(v, 'an object')
  const around = missing
  missing = ''
  const problem = fields(v) || (missing && `${missing}: is missing`)
  missing = around
  return problem
}

function array(v, check) {
  if (!Array.isArray(v)) return not(v, 'an array')
  if (!check) return
  for (let i = 0; i < v.length; i++) {
    const problem = check(v[i])
    if (problem) return problem
  }
}

function record(v, check) {
  if (!isObject(v)) return not(v, 'an object')
  if (!check) return
  for (const name in v) {
    const problem = check(v[name])
    if (problem) return problem
  }
}

// RFC 3339, letter by letter: a regular expression is slower, and much slower as long as a browser only
// interprets it.
function isTime(v) {
  if (typeof v !== 'string') return false
  const year = digits(v, 0) * 100 + digits(v, 2)
  const month = digits(v, 5)
  const day = digits(v, 8)
  let zone = 19
  if (v[zone] === '.') while (digit(v, ++zone) < 10);
  return (
    v[4] === '-' && v[7] === '-' && v[10] === 'T' && v[16] === ':' &&
    year < 10000 && month > 0 && month < 13 && day > 0 && day <= daysIn(year, month) &&
    isTimeOfDay(v, 11) && digits(v, 17) < 60 &&
    zone !== 20 && zone < 30 &&
    (v[zone] === 'Z' ? v.length === zone + 1 : (v[zone] === '+' || v[zone] === '-') && isTimeOfDay(v, zone + 1) && v.length === zone + 6) &&
    ((year > 1970 && year < 9999) || isFrom1970To9999(v.slice(0, 19) + v.slice(zone)))
  )
}

const isTimeOfDay = (v, at) => digits(v, at) < 24 && v[at + 2] === ':' && digits(v, at + 3) < 60

// Digits are the letters 48 to 57. What is none is in no range.
function digit(v, at) {
  const digit = v.charCodeAt(at) ^ 48
  return digit < 10 ? digit : 10000
}

const digits = (v, at) => digit(v, at) * 10 + digit(v, at + 1)

function daysIn(year, month) {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  // By turns, and anew from August.
  return 30 + ((month + (month >> 3)) % 2)
}

// Only here does the time zone decide.
function isFrom1970To9999(v) {
  const ms = Date.parse(v)
  return ms >= 0 && ms < 253402300800000
}

/** A value that notes the path of what is read of it. */
function noting(v, path) {
  if (typeof v !== 'object' || v === null) return v
  const get = (v, name) => {
    place = path + (Array.isArray(v) ? `[${name}]` : `.${name}`)
    return noting(v[name], place)
  }
  return new Proxy(v, { get })
}

/** Checks of whole values: that there is none is wrong, too. */
function table(checks) {
  for (const name in checks) {
    const check = checks[name]
    checks[name] = (v = null) => {
      if (!check(v)) return
      place = ''
      const problem = check(noting(v, ''))
      place = undefined
      return problem[0] === '.' ? problem.slice(1) : problem[0] === '[' ? problem : `payload${problem}`
    }
  }
  return checks
}

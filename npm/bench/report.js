// What the rounds come to, and the table.

/** How many of the official client's events ours is to reach, by what is measured. Over a network there is no target: it isn't script that is measured. */
const TARGETS = { received: 1.0, sent: 0.9, 'sent and acknowledged': 0.9 }

/** What was compared, for those who read the table. */
const COMPARED = {
  received: 'room.on(…), checked, in order and once, against socket.on(…), neither',
  sent: 'client.emit(…, { volatile: true }) against socket.emit(…), no acknowledgement',
  'sent and acknowledged': 'client.emit(…), its answer checked, against socket.timeout(…).emitWithAck(…), until the promise is settled',
  'received over a real socket': 'the same as received, from a server on this machine, by the clock: browser and server take most of it',
}

/** Where most of the time goes by elsewhere than in the page: there it is the clock's. */
export const isOverNetwork = ({ kind }) => !(kind in TARGETS)

/** The figures of a row. A round's two rates are of the same moment: the ratio is the median of their ratios. */
export function summary(kind, rates) {
  const ratios = rates.map(({ samewire, official }) => samewire / official)
  const ratio = median(ratios)
  const target = TARGETS[kind]
  return {
    samewire: median(rates.map(({ samewire }) => samewire)),
    samewireSpread: spread(rates.map(({ samewire }) => samewire)),
    official: median(rates.map(({ official }) => official)),
    officialSpread: spread(rates.map(({ official }) => official)),
    ratio,
    lowestRatio: Math.min(...ratios),
    highestRatio: Math.max(...ratios),
    ...(target && { target, reached: ratio >= target }),
  }
}

/** Prints a row, below a heading where it is the first of its kind. */
export function printRow(row, before) {
  if (row.kind !== before?.kind) {
    console.log(`\n${row.kind}: ${COMPARED[row.kind]}`)
    console.log(line('event', 'payload', 'samewire', '', 'official', '', 'ratio', 'lowest to highest', 'target', ''))
  }
  const range = `${row.lowestRatio.toFixed(2)} to ${row.highestRatio.toFixed(2)}`
  const target = row.target ? `≥ ${row.target.toFixed(1)}` : ''
  const verdict = row.target ? (row.reached ? 'reached' : 'missed') : ''
  console.log(line(row.event, `${row.bytes} B ${row.of}`, rate(row.samewire), percent(row.samewireSpread), rate(row.official), percent(row.officialSpread), row.ratio.toFixed(2), range, target, verdict))
}

/** Prints how many rows reached their targets. */
export function printSummary(rows) {
  const aimed = rows.filter((row) => row.target)
  const reached = aimed.filter((row) => row.reached)
  console.log(`\n${reached.length} of ${aimed.length} targets reached`)
}

function line(event, payload, ours, oursSpread, theirs, theirsSpread, ratio, range, target, verdict) {
  return `  ${event.padEnd(19)} ${payload.padEnd(15)} ${ours.padStart(9)} ${oursSpread.padStart(6)} ${theirs.padStart(9)} ${theirsSpread.padStart(6)} ${ratio.padStart(6)}  ${range.padEnd(17)} ${target.padEnd(6)} ${verdict}`.trimEnd()
}

function median(values) {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** How far half of the values are from their median at most, as a part of it. */
function spread(values) {
  const middle = median(values)
  return median(values.map((value) => Math.abs(value - middle))) / middle
}

function rate(perSecond) {
  return Math.round(perSecond).toLocaleString('en')
}

function percent(part) {
  return `± ${Math.round(part * 100)}%`
}

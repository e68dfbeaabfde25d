/** What a server says before anything is measured. */

/** The epoch of every room's log. */
export const EPOCH = 'd437b0a9c941441f81523a7b324b84b4'

/** The first frame. Heartbeats an hour apart: none falls into a measurement. */
export const OPEN = '0{"sid":"s","upgrades":[],"pingInterval":3600000,"pingTimeout":3600000,"maxPayload":1000000}'

/** What is answered to a sign-in and to a join. */
export function answersTo(frame: string): string[] {
  if (frame.startsWith('40')) {
    return ['40{"sid":"x"}', '42["authenticated",{"userId":"ada","connectionId":"c","protocol":"1.0","expiresAt":"2999-01-01T00:00:00.000Z"}]']
  }
  const [, ack, json] = /^42(\d+)(\[.*)$/s.exec(frame) ?? []
  if (ack === undefined) throw new Error(`nobody expected ${frame}`)
  const [event, { room }] = JSON.parse(json!)
  if (event !== 'room:join') throw new Error(`nobody expected ${event}`)
  return [`43${ack}${JSON.stringify([{ ok: true, data: { room, position: { epoch: EPOCH, offset: 0 }, recovered: true, missed: 0, users: [] } }])}`]
}

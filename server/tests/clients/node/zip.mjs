// Reads an archive as its specification says (APPNOTE.TXT 4.3), by nothing that the server writes it with.
import assert from 'node:assert/strict'
import * as zlib from 'node:zlib'

/** The files of an archive, by name. */
export function unzip(archive) {
  const end = archive.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  assert.ok(end >= 0, 'it has an end of central directory')
  const files = new Map()
  let at = archive.readUInt32LE(end + 16)
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    assert.equal(archive.readUInt32LE(at), 0x02014b50)
    const [method, sum, packed, size] = [
      archive.readUInt16LE(at + 10), archive.readUInt32LE(at + 16), archive.readUInt32LE(at + 20), archive.readUInt32LE(at + 24),
    ]
    const [nameLength, extra, comment] = [28, 30, 32].map((field) => archive.readUInt16LE(at + field))
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength)
    const local = archive.readUInt32LE(at + 42)
    assert.equal(archive.readUInt32LE(local), 0x04034b50)
    const data = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28)
    const raw = archive.subarray(data, data + packed)
    const bytes = method === 0 ? raw : zlib.inflateRawSync(raw)
    assert.equal(bytes.length, size, name)
    // Node.js has it from 22.2 on.
    if (zlib.crc32) assert.equal(zlib.crc32(bytes), sum, name)
    assert.ok(!files.has(name), `${name} is there once`)
    files.set(name, bytes)
    at += 46 + nameLength + extra + comment
  }
  return files
}

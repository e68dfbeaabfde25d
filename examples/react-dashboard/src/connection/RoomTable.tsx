import { useRooms } from './useRooms'

/** The rooms that the page is in, and how far each one's log was read. */
export function RoomTable() {
  const rooms = useRooms()
  return (
    <section className="rooms" aria-labelledby="rooms">
      <h3 id="rooms">Rooms</h3>
      {rooms.length === 0 ? (
        <p>None on this page</p>
      ) : (
        <table>
          <thead className="spoken">
            <tr>
              <th scope="col">Room</th>
              <th scope="col">Offset</th>
            </tr>
          </thead>
          <tbody>
            {rooms.map(({ room, offset }) => (
              <tr key={room}>
                <td title={room}>{room}</td>
                {/* Drawn anew for each number, so that it flashes. */}
                <td key={offset}>{offset === undefined ? '…' : `# ${offset}`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

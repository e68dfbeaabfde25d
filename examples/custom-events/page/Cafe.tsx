import { useClient, useEvent } from 'cafe-client/react'
import type { Drink } from 'cafe-client'
import { useState } from 'react'
import { useOrders } from './useOrders.ts'

export function Cafe({ name }: { name: string }) {
  const client = useClient()
  const { orders, status } = useOrders(name)
  const [problem, setProblem] = useState('')
  useEvent('protocol-error', ({ event, path, message }) => setProblem(`${event} was not shown: ${path}: ${message}`))

  const order = async (form: FormData) => {
    const answer = client.emit('order', { cafe: name, drink: form.get('drink') as Drink, cups: Number(form.get('cups')) })
    await answer.then(() => setProblem(''), (error: Error) => setProblem(error.message))
  }
  return (
    <>
      <h1>Café {name}: {status}</h1>
      <form action={order}>
        <label>Cups <input name="cups" type="number" defaultValue="1" /></label>
        <label>Drink <select name="drink"><option>coffee</option><option>tea</option></select></label>
        <button>Order</button>
      </form>
      <p role="alert">{problem}</p>
      <ol>{orders.map(({ guest, drink, cups }, n) => <li key={n}>{guest}: {cups} × {drink}</li>)}</ol>
    </>
  )
}

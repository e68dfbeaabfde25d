import type { FormEvent } from 'react'

interface AddCardProps {
  column: { id: string; title: string }
  onAdd(title: string): void
}

export function AddCard({ column, onAdd }: AddCardProps) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const title = String(new FormData(event.currentTarget).get('title')).trim()
    event.currentTarget.reset()
    if (title) onAdd(title)
  }
  return (
    <form className="add-card" onSubmit={submit}>
      <input name="title" aria-label={`Add a card to ${column.title}`} placeholder="+ Add a card" maxLength={120} autoComplete="off" />
    </form>
  )
}

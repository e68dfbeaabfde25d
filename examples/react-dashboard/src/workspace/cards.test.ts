import { expect, test } from 'vitest'
import { cardsIn, moveTo, placeBeside, type Card, type ColumnId } from './cards'

const card = (id: string, column: ColumnId, order: number): Card => ({ id, title: id, column, order })
const board = [card('b', 'todo', 2), card('a', 'todo', 1), card('c', 'todo', 3), card('x', 'doing', 1)]
const byId = (id: string) => board.find((card) => card.id === id)!

/** The column's cards, once a card has moved. */
function after(id: string, place: Parameters<typeof moveTo>[0]): string[] {
  const moved = { ...byId(id), ...moveTo(place, byId(id), board) }
  return cardsIn(place.column, board.map((card) => (card.id === id ? moved : card))).map((card) => card.id)
}

test('a card stands where it was put', () => {
  expect(after('c', { column: 'todo', above: 'a' })).toEqual(['c', 'a', 'b'])
  expect(after('c', { column: 'todo', above: 'b' })).toEqual(['a', 'c', 'b'])
  expect(after('a', { column: 'todo', above: undefined })).toEqual(['b', 'c', 'a'])
  expect(after('a', { column: 'doing', above: 'x' })).toEqual(['a', 'x'])
  expect(after('a', { column: 'done', above: undefined })).toEqual(['a'])
})

test('nothing is sent of a card that is put where it stands', () => {
  expect(moveTo({ column: 'todo', above: 'b' }, byId('b'), board)).toBeUndefined()
  expect(moveTo({ column: 'todo', above: 'c' }, byId('b'), board)).toBeUndefined()
  expect(moveTo({ column: 'todo', above: undefined }, byId('c'), board)).toBeUndefined()
})

test('the arrow keys go one place, and not over the edge', () => {
  expect(after('a', placeBeside(byId('a'), 'ArrowDown', board)!)).toEqual(['b', 'a', 'c'])
  expect(after('c', placeBeside(byId('c'), 'ArrowUp', board)!)).toEqual(['a', 'c', 'b'])
  expect(after('a', placeBeside(byId('a'), 'ArrowRight', board)!)).toEqual(['a', 'x'])
  expect(after('c', placeBeside(byId('c'), 'ArrowRight', board)!)).toEqual(['x', 'c'])
  expect(placeBeside(byId('a'), 'ArrowUp', board)).toBeUndefined()
  expect(placeBeside(byId('c'), 'ArrowDown', board)).toBeUndefined()
  expect(placeBeside(byId('a'), 'ArrowLeft', board)).toBeUndefined()
})

test('cards of one order stand alike for everybody', () => {
  const [one, two] = [card('1', 'done', 5), card('2', 'done', 5)]
  expect(cardsIn('done', [two, one])).toEqual(cardsIn('done', [one, two]))
})

import { hrefOf, useRoute } from '../route'
import { ChatView } from './ChatView'
import { ConversationList } from './ConversationList'
import { UNTITLED, useConversations } from './useConversations'
import '../entries.css'
import './AssistantPage.css'

/** Conversations with an assistant, whose answers are seen as they come, by everybody who takes part. */
export function AssistantPage() {
  const { item } = useRoute()
  const { conversations, begin, rename, remove } = useConversations()
  const shown = conversations?.find(({ id }) => id === item) ?? conversations?.[0]
  const goTo = (id: string) => (location.hash = hrefOf('assistant', id))

  return (
    <main className="assistant">
      <h1 className="spoken">Assistant</h1>
      <ConversationList conversations={conversations ?? []} shown={shown?.id} onBegin={() => void begin().then(goTo, () => {})} />
      {shown ? (
        <ChatView
          key={shown.id}
          conversation={shown}
          onFirst={(content) => shown.title === UNTITLED && rename(shown.id, titleOf(content))}
          onRemove={() => remove(shown.id)}
        />
      ) : (
        <section className="panel chat" aria-label="Conversation">
          {conversations && <p className="nothing">Begin a conversation.</p>}
        </section>
      )}
    </main>
  )
}

const LONGEST_TITLE = 48

function titleOf(content: string): string {
  const [line = ''] = content.replace(/[*_#`>:]/g, '').trim().split('\n')
  return line.length > LONGEST_TITLE ? `${line.slice(0, LONGEST_TITLE).trimEnd()}…` : line || UNTITLED
}

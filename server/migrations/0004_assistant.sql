-- `message_count` is the last number given to a message of the conversation.
CREATE TABLE assistant_conversations (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    message_count BIGINT NOT NULL
);
CREATE INDEX assistant_conversations_by_owner ON assistant_conversations (owner_id);

-- The owner is one of them.
CREATE TABLE assistant_participants (
    user_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL REFERENCES assistant_conversations (id),
    PRIMARY KEY (user_id, conversation_id)
);
CREATE INDEX assistant_participants_by_conversation ON assistant_participants (conversation_id);

-- `seq` counts a conversation's messages from 1: an answer has the number after its question.
-- `state` is waiting, running, whole or incomplete.
CREATE TABLE assistant_messages (
    conversation_id TEXT NOT NULL REFERENCES assistant_conversations (id),
    seq BIGINT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    author_id TEXT,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, seq)
);
CREATE INDEX assistant_messages_open ON assistant_messages (state) WHERE state IN ('waiting', 'running');

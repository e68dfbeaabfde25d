-- `unread_count` is how many of its messages are not read; the columns of the last message are those
-- of the one that was sent last, whenever it came.
CREATE TABLE inbox_conversations (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    platform TEXT NOT NULL,
    external_id TEXT NOT NULL,
    title TEXT NOT NULL,
    last_message TEXT NOT NULL,
    last_message_at BIGINT NOT NULL,
    unread_count BIGINT NOT NULL,
    UNIQUE (user_id, platform, external_id)
);
CREATE INDEX inbox_conversations_by_user ON inbox_conversations (user_id, last_message_at, id);

-- `status`: 0 nothing yet, 1 delivered, 2 read.
CREATE TABLE inbox_messages (
    id TEXT PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES inbox_conversations (id),
    user_id TEXT NOT NULL,
    platform TEXT NOT NULL,
    external_id TEXT NOT NULL,
    sender_id TEXT NOT NULL,
    sender_name TEXT,
    body TEXT NOT NULL,
    sent_at BIGINT NOT NULL,
    status BIGINT NOT NULL,
    UNIQUE (user_id, platform, external_id)
);
CREATE INDEX inbox_messages_by_conversation ON inbox_messages (conversation_id, sent_at, id);
CREATE INDEX inbox_messages_unread ON inbox_messages (conversation_id) WHERE status < 2;

-- The sum of a platform's `unread_count`, with a row for each platform that ever brought something.
CREATE TABLE inbox_unread_counts (
    user_id TEXT NOT NULL,
    platform TEXT NOT NULL,
    unread BIGINT NOT NULL,
    PRIMARY KEY (user_id, platform)
);

-- How far each platform's feed was read.
CREATE TABLE inbox_feeds (
    platform TEXT PRIMARY KEY,
    read_to TEXT NOT NULL
);

-- What the items of a kind cost together in a room, in bytes: a snapshot stays one message.
CREATE TABLE workspace_entities (
    room TEXT NOT NULL,
    entity TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (room, entity)
);

-- A deleted item has no data. Its version is kept for a while, so that the next of its id counts on.
CREATE TABLE workspace_items (
    room TEXT NOT NULL,
    entity TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    data TEXT,
    deleted_at BIGINT,
    PRIMARY KEY (room, entity, id)
);
CREATE INDEX workspace_items_deleted ON workspace_items (deleted_at) WHERE deleted_at IS NOT NULL;

-- What has ended, which is stored, and of which nobody may have been told yet: `what` is story, export or session.
-- Whoever tells it takes it out; a server that ends in between leaves it to another, or to its next start.
CREATE TABLE untold (
    what TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (what, id)
);

-- An answer's `state` is waiting, running, stopping (somebody wants no more of it), whole or incomplete; and
-- telling_whole, telling_cancelled or telling_broken while nobody may have been told of its end.
CREATE INDEX assistant_messages_unsettled ON assistant_messages (conversation_id, seq)
    WHERE state NOT IN ('whole', 'incomplete');

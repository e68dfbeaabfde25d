-- Times are Unix milliseconds, truth values 0 or 1: types that SQLite and PostgreSQL share.
CREATE TABLE projects (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    active BIGINT NOT NULL,
    owner_id TEXT NOT NULL,
    ingest_key TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX projects_by_owner ON projects (owner_id, created_at, id);

CREATE TABLE project_members (
    project_id TEXT NOT NULL REFERENCES projects (id),
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (project_id, user_id)
);
CREATE INDEX project_members_by_user ON project_members (user_id);

CREATE TABLE tracked_sessions (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    external_user_id TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    last_event_at BIGINT NOT NULL,
    ended_at BIGINT,
    submitted BIGINT NOT NULL,
    event_count BIGINT NOT NULL
);
CREATE INDEX tracked_sessions_by_project ON tracked_sessions (project_id, started_at, id);
CREATE INDEX tracked_sessions_open ON tracked_sessions (last_event_at) WHERE ended_at IS NULL;

-- `seq` counts a session's events from 1, in the order they were sent.
CREATE TABLE tracked_events (
    session_id TEXT NOT NULL REFERENCES tracked_sessions (id),
    seq BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (session_id, seq)
);

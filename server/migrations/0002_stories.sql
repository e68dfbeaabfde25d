-- A story with a size has a recording: the file of its id in MEDIA_DIR. Its type, checksum, duration
-- and sample rate are there once it was processed.
CREATE TABLE stories (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    title TEXT NOT NULL,
    uploaded_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    transcript TEXT,
    version BIGINT NOT NULL,
    word_count BIGINT,
    status TEXT NOT NULL,
    failure TEXT,
    size BIGINT,
    media_type TEXT,
    checksum TEXT,
    duration_ms BIGINT,
    sample_rate BIGINT
);
CREATE INDEX stories_by_project ON stories (project_id, id);
CREATE INDEX stories_to_process ON stories (id) WHERE status = 'processing';

CREATE TABLE story_interactions (
    id TEXT PRIMARY KEY,
    story_id TEXT NOT NULL REFERENCES stories (id),
    type TEXT NOT NULL,
    content TEXT NOT NULL,
    author_id TEXT NOT NULL,
    resolved BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX story_interactions_by_story ON story_interactions (story_id, id);

-- An export that is ready has a file until it expires; one that failed says why.
CREATE TABLE story_exports (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    format TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    status TEXT NOT NULL,
    size BIGINT,
    expires_at BIGINT,
    code TEXT,
    message TEXT
);
CREATE INDEX story_exports_by_project ON story_exports (project_id, id);
CREATE INDEX story_exports_to_write ON story_exports (id) WHERE status = 'running';
CREATE INDEX story_exports_to_expire ON story_exports (expires_at) WHERE status = 'ready';

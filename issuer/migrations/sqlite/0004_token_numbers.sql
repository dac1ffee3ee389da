-- A page of a million tokens is found without counting them: they are numbered in the order in
-- which they were made, and counted in blocks of 1024 numbers.

ALTER TABLE tokens RENAME TO tokens_before;

CREATE TABLE tokens (
    number         INTEGER PRIMARY KEY,
    id             BLOB NOT NULL UNIQUE,
    namespace_id   BLOB NOT NULL REFERENCES namespaces (id),
    -- The only application that it opens, or all of its namespace.
    application_id BLOB REFERENCES applications (id),
    key_id         BLOB NOT NULL REFERENCES namespace_keys (id),
    description    TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER,
    bearer_id      BLOB
) STRICT;

INSERT INTO tokens (id, namespace_id, application_id, key_id, description, created_at, expires_at,
    bearer_id)
SELECT id, namespace_id, application_id, key_id, description, created_at, expires_at, bearer_id
FROM tokens_before ORDER BY created_at, id;

DROP TABLE tokens_before;

-- Each has the number too, as the last column.
CREATE INDEX tokens_by_application ON tokens (application_id);
CREATE INDEX tokens_by_namespace ON tokens (namespace_id, application_id);
CREATE INDEX tokens_by_key ON tokens (key_id, expires_at);
CREATE INDEX tokens_by_bearer ON tokens (bearer_id, created_at);

-- How many tokens there are of something in a block: of an application, of a namespace as a whole,
-- or all of an organization's in a region, which is empty otherwise.
CREATE TABLE token_counts (
    kind   TEXT NOT NULL CHECK (kind IN ('application', 'namespace', 'organization')),
    id     BLOB NOT NULL,
    region TEXT NOT NULL,
    block  INTEGER NOT NULL,
    tokens INTEGER NOT NULL CHECK (tokens > 0),
    PRIMARY KEY (kind, id, region, block)
) STRICT, WITHOUT ROWID;

INSERT INTO token_counts (kind, id, region, block, tokens)
SELECT 'application', application_id, '', number >> 10, count(*) FROM tokens
WHERE application_id IS NOT NULL GROUP BY application_id, number >> 10;

INSERT INTO token_counts (kind, id, region, block, tokens)
SELECT 'namespace', namespace_id, '', number >> 10, count(*) FROM tokens
WHERE application_id IS NULL GROUP BY namespace_id, number >> 10;

INSERT INTO token_counts (kind, id, region, block, tokens)
SELECT 'organization', organization_id, region, number >> 10, count(*)
FROM tokens JOIN namespaces ON namespaces.id = tokens.namespace_id
GROUP BY organization_id, region, number >> 10;

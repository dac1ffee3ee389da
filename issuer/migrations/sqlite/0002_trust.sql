-- What gateways are told: a sequence number and a log for each scope, marks, the schedule of keys,
-- and the keys that sign all that.

-- A scope is a namespace, or with the id x'' all of them. It outlives its namespace, whose keys
-- gateways have to know as revoked.
CREATE TABLE scopes (
    id       BLOB PRIMARY KEY,
    -- Rises with each change that shows, in the transaction of that change. A number is never used
    -- twice.
    sequence INTEGER NOT NULL,
    -- The sequence number of all scopes at that change.
    changed  INTEGER NOT NULL,
    -- The sequence number with which the log was begun anew.
    epoch    INTEGER NOT NULL,
    -- How many records the log has.
    records  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX scopes_by_change ON scopes (changed);

-- The program, which can hash, copies from it afterwards and drops it.
ALTER TABLE revocations RENAME TO revocations_before;

-- Tokens that were deleted, alone or with what they opened, and ids that were revoked without a
-- token. Of each scope's log this is the order.
CREATE TABLE revocations (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The first bytes of SHA-256 of the id.
    record       BLOB NOT NULL CHECK (length(record) = 8),
    -- As the token holds it: of a UUID the form in lower case.
    token_id     TEXT NOT NULL,
    -- None: it stands in every scope's log.
    namespace_id BLOB,
    -- None: the service doesn't know which key signed it.
    key_id       BLOB,
    expires_at   INTEGER,
    revoked_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX revocations_by_namespace ON revocations (namespace_id, number, record);
CREATE INDEX revocations_by_token ON revocations (token_id);
CREATE INDEX revocations_by_expiry ON revocations (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX revocations_by_key ON revocations (key_id) WHERE expires_at IS NULL;

-- Logs as they were when a new epoch began, for gateways that still read one.
CREATE TABLE ended_logs (
    scope_id BLOB NOT NULL,
    epoch    INTEGER NOT NULL,
    records  BLOB NOT NULL,
    ended_at INTEGER NOT NULL,
    PRIMARY KEY (scope_id, epoch)
) STRICT;

-- Everything issued before that second is revoked. In seconds.
ALTER TABLE namespaces ADD COLUMN not_before INTEGER;
ALTER TABLE applications ADD COLUMN not_before INTEGER;
ALTER TABLE users ADD COLUMN not_before INTEGER;

DROP INDEX tokens_by_key;
CREATE INDEX tokens_by_key ON tokens (key_id, expires_at);
CREATE INDEX tokens_by_bearer ON tokens (bearer_id, created_at);

-- The schedule of a rotation: when the next key is to sign, since when the one before it signs no
-- more, and when nothing that it signed is good any longer.
ALTER TABLE namespace_keys ADD COLUMN activates_at INTEGER;
ALTER TABLE namespace_keys ADD COLUMN retired_at INTEGER;
ALTER TABLE namespace_keys ADD COLUMN ends_at INTEGER;

CREATE UNIQUE INDEX one_next_key ON namespace_keys (namespace_id) WHERE state = 'next';
CREATE INDEX namespace_keys_by_schedule ON namespace_keys (namespace_id)
    WHERE activates_at IS NOT NULL OR ends_at IS NOT NULL;

-- What is told is signed by each of them. There are one or two.
CREATE TABLE trust_keys (
    id                 BLOB PRIMARY KEY,
    public_pem         TEXT NOT NULL,
    sealed_private_key BLOB NOT NULL,
    created_at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

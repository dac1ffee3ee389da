-- Ids are UUIDs of 16 bytes, times microseconds since 1970, lists and maps JSON.

CREATE TABLE organizations (
    id           BLOB PRIMARY KEY,
    owner_id     BLOB NOT NULL,
    created_at   INTEGER NOT NULL,
    -- How clients reached the service when it last started.
    api_url      TEXT NOT NULL,
    -- A known text under the secrets key: another key doesn't open it.
    sealed_check BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE projects (
    id              BLOB PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    description     TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    id              BLOB PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organizations (id),
    type            TEXT NOT NULL CHECK (type IN ('owner')),
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
    access_key         TEXT PRIMARY KEY,
    -- Of the secret itself nothing is kept.
    secret_hash        BLOB NOT NULL UNIQUE,
    user_id            BLOB NOT NULL REFERENCES users (id),
    organization_id    BLOB NOT NULL REFERENCES organizations (id),
    default_project_id BLOB NOT NULL REFERENCES projects (id),
    description        TEXT NOT NULL,
    created_at         INTEGER NOT NULL,
    expires_at         INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX api_keys_by_user ON api_keys (user_id);

CREATE TABLE namespaces (
    id                           BLOB PRIMARY KEY,
    product                      TEXT NOT NULL CHECK (product IN ('functions', 'containers')),
    region                       TEXT NOT NULL,
    organization_id              BLOB NOT NULL REFERENCES organizations (id),
    project_id                   BLOB NOT NULL REFERENCES projects (id),
    name                         TEXT NOT NULL,
    description                  TEXT NOT NULL,
    environment_variables        TEXT NOT NULL,
    -- Hashes of the values.
    secret_environment_variables TEXT NOT NULL,
    tags                         TEXT NOT NULL,
    vpc_integration              INTEGER NOT NULL CHECK (vpc_integration IN (0, 1)),
    created_at                   INTEGER NOT NULL,
    updated_at                   INTEGER NOT NULL,
    UNIQUE (project_id, product, region, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX namespaces_by_time ON namespaces (organization_id, product, region, created_at, id);

-- The keys of a namespace outlive it, as revoked ones without their private half.
CREATE TABLE namespace_keys (
    id                 BLOB PRIMARY KEY,
    namespace_id       BLOB NOT NULL,
    state              TEXT NOT NULL CHECK (state IN ('next', 'active', 'retired', 'revoked')),
    algorithm          TEXT NOT NULL,
    public_pem         TEXT NOT NULL,
    sealed_private_key BLOB NOT NULL,
    created_at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX namespace_keys_by_namespace ON namespace_keys (namespace_id, created_at);
CREATE INDEX namespace_keys_by_time ON namespace_keys (created_at);
CREATE UNIQUE INDEX one_active_key ON namespace_keys (namespace_id) WHERE state = 'active';

CREATE TABLE applications (
    id                           BLOB PRIMARY KEY,
    namespace_id                 BLOB NOT NULL REFERENCES namespaces (id),
    product                      TEXT NOT NULL CHECK (product IN ('functions', 'containers')),
    region                       TEXT NOT NULL,
    name                         TEXT NOT NULL,
    description                  TEXT NOT NULL,
    privacy                      TEXT NOT NULL CHECK (privacy IN ('public', 'private')),
    domain_name                  TEXT NOT NULL,
    environment_variables        TEXT NOT NULL,
    secret_environment_variables TEXT NOT NULL,
    tags                         TEXT NOT NULL,
    -- How its code would be run, which is kept and answered alone.
    settings                     TEXT NOT NULL,
    created_at                   INTEGER NOT NULL,
    updated_at                   INTEGER NOT NULL,
    UNIQUE (namespace_id, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX applications_by_time ON applications (namespace_id, created_at, id);

CREATE TABLE tokens (
    id             BLOB PRIMARY KEY,
    namespace_id   BLOB NOT NULL REFERENCES namespaces (id),
    -- The only application that it opens, or all of its namespace.
    application_id BLOB REFERENCES applications (id),
    key_id         BLOB NOT NULL REFERENCES namespace_keys (id),
    description    TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER,
    bearer_id      BLOB
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_by_application ON tokens (application_id, created_at, id);
CREATE INDEX tokens_by_namespace ON tokens (namespace_id, application_id, created_at, id);
CREATE INDEX tokens_by_time ON tokens (created_at, id);
CREATE INDEX tokens_by_key ON tokens (key_id);

-- What gateways have to be told: tokens that were deleted, alone or with what they opened.
CREATE TABLE revocations (
    token_id     BLOB PRIMARY KEY,
    namespace_id BLOB NOT NULL,
    key_id       BLOB NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row, changed to see whether the database takes a change.
CREATE TABLE readiness (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL
) STRICT;

CREATE TABLE audit (
    number          INTEGER PRIMARY KEY AUTOINCREMENT,
    id              BLOB NOT NULL UNIQUE,
    created_at      INTEGER NOT NULL,
    organization_id BLOB NOT NULL,
    bearer_id       BLOB,
    access_key      TEXT,
    ip              TEXT,
    user_agent      TEXT NOT NULL,
    request_id      BLOB,
    action          TEXT NOT NULL CHECK (action IN ('created', 'updated', 'deleted')),
    resource_type   TEXT NOT NULL,
    resource_id     TEXT NOT NULL
) STRICT;

CREATE INDEX audit_by_time ON audit (organization_id, created_at);

-- Who may do what: users, applications of IAM, groups, policies with their rules, SSH keys, API keys
-- of applications too, and how much there may be of something.

ALTER TABLE users RENAME TO users_before;
ALTER TABLE api_keys RENAME TO api_keys_before;
DROP INDEX api_keys_by_user;
DROP INDEX api_keys_by_project;

CREATE TABLE users (
    id              BLOB PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organizations (id),
    type            TEXT NOT NULL CHECK (type IN ('owner', 'guest', 'member')),
    email           TEXT NOT NULL COLLATE NOCASE,
    username        TEXT NOT NULL COLLATE NOCASE,
    first_name      TEXT NOT NULL,
    last_name       TEXT NOT NULL,
    phone_number    TEXT NOT NULL,
    locale          TEXT NOT NULL,
    tags            TEXT NOT NULL,
    locked          INTEGER NOT NULL CHECK (locked IN (0, 1)),
    -- Argon2id, with its parameters. Whoever has none doesn't sign in by one.
    password        TEXT,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    last_login_at   INTEGER,
    -- Everything issued before that second is revoked. In seconds.
    not_before      INTEGER,
    UNIQUE (organization_id, username),
    UNIQUE (organization_id, email)
) STRICT, WITHOUT ROWID;

INSERT INTO users (id, organization_id, type, email, username, first_name, last_name, phone_number,
    locale, tags, locked, created_at, updated_at, not_before)
SELECT id, organization_id, type, '', 'owner', '', '', '', 'en_US', '[]', 0, created_at, updated_at,
    not_before
FROM users_before;

-- Programs that call as themselves. Those that requests are for stand in the table `applications`.
CREATE TABLE iam_applications (
    id              BLOB PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    description     TEXT NOT NULL,
    tags            TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    not_before      INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX iam_applications_by_time ON iam_applications (organization_id, created_at, id);

CREATE TABLE api_keys (
    access_key         TEXT PRIMARY KEY,
    -- Of the secret itself nothing is kept.
    secret_hash        BLOB NOT NULL UNIQUE,
    user_id            BLOB REFERENCES users (id),
    application_id     BLOB REFERENCES iam_applications (id),
    organization_id    BLOB NOT NULL REFERENCES organizations (id),
    default_project_id BLOB NOT NULL REFERENCES projects (id),
    description        TEXT NOT NULL,
    creation_ip        TEXT,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    expires_at         INTEGER,
    CHECK ((user_id IS NULL) <> (application_id IS NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO api_keys (access_key, secret_hash, user_id, organization_id, default_project_id,
    description, created_at, updated_at, expires_at)
SELECT access_key, secret_hash, user_id, organization_id, default_project_id, description,
    created_at, created_at, expires_at
FROM api_keys_before;

DROP TABLE api_keys_before;
DROP TABLE users_before;

CREATE INDEX api_keys_by_user ON api_keys (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX api_keys_by_application ON api_keys (application_id)
    WHERE application_id IS NOT NULL;
CREATE INDEX api_keys_by_project ON api_keys (default_project_id);
CREATE INDEX api_keys_by_time ON api_keys (organization_id, created_at);

CREATE TABLE groups (
    id              BLOB PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    description     TEXT NOT NULL,
    tags            TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    UNIQUE (organization_id, name)
) STRICT, WITHOUT ROWID;

-- In the order in which they were named.
CREATE TABLE group_members (
    group_id       BLOB NOT NULL REFERENCES groups (id),
    position       INTEGER NOT NULL,
    user_id        BLOB REFERENCES users (id),
    application_id BLOB REFERENCES iam_applications (id),
    PRIMARY KEY (group_id, position),
    CHECK ((user_id IS NULL) <> (application_id IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX group_members_by_user ON group_members (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX group_members_by_application ON group_members (application_id)
    WHERE application_id IS NOT NULL;

CREATE TABLE policies (
    id              BLOB PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    description     TEXT NOT NULL,
    tags            TEXT NOT NULL,
    -- Whom it is for: one of them, or nobody.
    user_id         BLOB REFERENCES users (id),
    group_id        BLOB REFERENCES groups (id),
    application_id  BLOB REFERENCES iam_applications (id),
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    CHECK ((user_id IS NOT NULL) + (group_id IS NOT NULL) + (application_id IS NOT NULL) <= 1)
) STRICT, WITHOUT ROWID;

CREATE INDEX policies_by_name ON policies (organization_id, name, id);
CREATE INDEX policies_by_user ON policies (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX policies_by_group ON policies (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX policies_by_application ON policies (application_id)
    WHERE application_id IS NOT NULL;

CREATE TABLE rules (
    id              BLOB PRIMARY KEY,
    policy_id       BLOB NOT NULL REFERENCES policies (id),
    position        INTEGER NOT NULL,
    -- Names.
    permission_sets TEXT NOT NULL,
    -- An organization with all its projects, or some projects.
    organization_id BLOB REFERENCES organizations (id),
    project_ids     TEXT,
    -- In CEL. Empty is always.
    condition       TEXT NOT NULL,
    UNIQUE (policy_id, position),
    CHECK ((organization_id IS NULL) <> (project_ids IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX rules_with_condition ON rules (condition, policy_id) WHERE condition <> '';

CREATE TABLE ssh_keys (
    id              BLOB PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organizations (id),
    project_id      BLOB NOT NULL REFERENCES projects (id),
    name            TEXT NOT NULL,
    public_key      TEXT NOT NULL,
    fingerprint     TEXT NOT NULL,
    disabled        INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX ssh_keys_by_project ON ssh_keys (project_id);

-- What isn't here has the limit that the program knows.
CREATE TABLE quotas (
    organization_id BLOB NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    -- None: as many as anybody likes.
    most            INTEGER CHECK (most >= 0),
    PRIMARY KEY (organization_id, name)
) STRICT, WITHOUT ROWID;

-- Tokens are seen by the projects that somebody may see, and of each product apart. The entry of the
-- audit log that tells of a token has the address and the program that it was made from.
ALTER TABLE tokens ADD COLUMN audit_number INTEGER;

ALTER TABLE token_counts RENAME TO token_counts_before;

-- How many tokens there are of something in a block: of an application, of a namespace as a whole,
-- or all of a product in a project and a region, which is empty otherwise.
CREATE TABLE token_counts (
    kind   TEXT NOT NULL CHECK (kind IN ('application', 'namespace', 'functions', 'containers')),
    id     BLOB NOT NULL,
    region TEXT NOT NULL,
    block  INTEGER NOT NULL,
    tokens INTEGER NOT NULL CHECK (tokens > 0),
    PRIMARY KEY (kind, id, region, block)
) STRICT, WITHOUT ROWID;

INSERT INTO token_counts (kind, id, region, block, tokens)
SELECT kind, id, region, block, tokens FROM token_counts_before WHERE kind <> 'organization';

INSERT INTO token_counts (kind, id, region, block, tokens)
SELECT product, project_id, region, number >> 10, count(*)
FROM tokens JOIN namespaces ON namespaces.id = tokens.namespace_id
GROUP BY product, project_id, region, number >> 10;

DROP TABLE token_counts_before;

CREATE INDEX audit_by_resource ON audit (organization_id, resource_type, created_at);

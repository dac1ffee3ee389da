-- Containers v1: a probe has a timeout, and there may be a second one for the start.

UPDATE applications SET settings = json_remove(
    json_set(
        settings,
        '$.liveness_probe', json_object(
            'failure_threshold', settings -> '$.health_check.failure_threshold',
            'interval', json_object(
                'secs', CAST(rtrim(settings ->> '$.health_check.interval', 's') AS INTEGER),
                'nanos', CAST(round(1e9 * (
                    CAST(rtrim(settings ->> '$.health_check.interval', 's') AS REAL)
                    - CAST(rtrim(settings ->> '$.health_check.interval', 's') AS INTEGER)
                )) AS INTEGER)
            ),
            'timeout', json_object('secs', 1, 'nanos', 0),
            'check', CASE
                WHEN settings -> '$.health_check.http' IS NULL THEN json('"Tcp"')
                ELSE json_object('Http', settings ->> '$.health_check.http.path')
            END
        ),
        '$.startup_probe', json('null')
    ),
    '$.health_check'
);

-- Projects are listed, and namespaces, containers and keys are found by their project.
CREATE INDEX projects_by_time ON projects (organization_id, created_at, id);
CREATE INDEX applications_by_product ON applications (product, region, created_at, id);
CREATE INDEX api_keys_by_project ON api_keys (default_project_id);

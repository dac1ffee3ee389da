-- wrk's requests, all alike, and what became of them as a line of JSON. Latencies are in
-- microseconds.
--   wrk -s requests.lua URL -- METHOD [BODY]

function init(arguments)
  wrk.method = arguments[1]
  wrk.body = arguments[2]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "microseconds": %d, "failed": %d, "p50": %d, "p99": %d}\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status,
    latency:percentile(50), latency:percentile(99)))
end

-- wrk's requests, all alike, and what became of them as a line of JSON. Latencies are in
-- microseconds. Where PAGES is given, `PAGE` in the URL is a number from 1 to it, another one each
-- time.
--   wrk -s requests.lua URL -- METHOD [BODY [PAGES]]

function init(arguments)
  wrk.method = arguments[1]
  if arguments[2] ~= '' then
    wrk.body = arguments[2]
  end
  local pages = tonumber(arguments[3])
  if pages then
    local path = wrk.path
    function request()
      return wrk.format(nil, (path:gsub('PAGE', math.random(pages))))
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "microseconds": %d, "failed": %d, "p50": %d, "p99": %d}\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status,
    latency:percentile(50), latency:percentile(99)))
end

-- wrk's requests: one for each token of a file, in turn, from some place on. After a token and a
-- space its line may have the host that it is sent to.
--   wrk -s tokens.lua URL -- FILE START

local requests, at = {}, 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    local token, host = line:match("^(%S+) ?(%S*)$")
    wrk.headers["x-auth-token"] = token
    if host ~= "" then wrk.headers["Host"] = host end
    requests[#requests + 1] = wrk.format("GET", "/")
  end
  at = tonumber(arguments[2])
end

function request()
  at = at % #requests + 1
  return requests[at]
end

-- Latencies are in microseconds.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "refused": %d, "failed": %d, "p50": %d, "p99": %d}\n',
    summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end

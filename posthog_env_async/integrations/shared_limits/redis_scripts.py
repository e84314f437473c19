"""The state of a budget in Redis: scripts that run there as one step each, on Redis' own clock.

Times are whole microseconds. `ended` holds the ends of requests, `leases` those under way with the
end of their lease, `queue` the queue by ticket, `promised` until when a request of the queue will
have asked again, and `state` the block, the slow start after it and the last ticket.
"""

__all__ = ["STEPS"]

_START = """
local ended, leases, queue, promised, state = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local function text(number) return string.format('%.0f', number) end
local function end_expired()
  local dead = redis.call('ZRANGEBYSCORE', leases, '-inf', text(now), 'WITHSCORES')
  for i = 1, #dead, 2 do
    redis.call('ZADD', ended, dead[i + 1], dead[i])
    redis.call('ZREM', leases, dead[i])
  end
end
"""

_ACQUIRE = (
    _START
    + """
local id, ticket, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local interval, grace, poll, keep = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
end_expired()
local lost = redis.call('ZRANGEBYSCORE', promised, '-inf', text(now))
for i = 1, #lost do
  redis.call('ZREM', queue, lost[i])
  redis.call('ZREM', promised, lost[i])
end
local known = redis.call('HMGET', state, 'blocked_until', 'at_once')
local blocked, at_once = tonumber(known[1] or 0) - now, tonumber(known[2] or 0)
local queued
if ticket == 0 then
  queued = redis.call('ZCARD', queue)
else
  queued = redis.call('ZCOUNT', queue, '-inf', '(' .. ticket)
end
local busy = redis.call('ZCARD', leases) + queued
local wait = math.max(0, blocked)
for i = 8, #ARGV, 2 do
  local free, seconds = tonumber(ARGV[i]) - busy, tonumber(ARGV[i + 1])
  if free <= 0 then
    wait = math.max(wait, seconds)
  else
    local last = redis.call('ZRANGE', ended, -free, -free, 'WITHSCORES')[2]
    if last then wait = math.max(wait, last + seconds - now) end
  end
end
if at_once > 0 and busy >= at_once then wait = math.max(wait, poll) end
if wait <= 0 or redis.call('ZSCORE', leases, id) then
  redis.call('ZADD', leases, text(now + lease), id)
  redis.call('PEXPIRE', leases, keep)
  if ticket > 0 then
    redis.call('ZREM', queue, id)
    redis.call('ZREM', promised, id)
  end
  return {1, 0, ticket, 0}
end
if ticket == 0 then ticket = redis.call('HINCRBY', state, 'ticket', 1) end
redis.call('ZADD', queue, ticket, id)
redis.call('ZADD', promised, text(now + math.min(wait, interval) + grace), id)
redis.call('PEXPIRE', state, text(math.max(0, blocked) / 1000 + keep))
redis.call('PEXPIRE', queue, keep)
redis.call('PEXPIRE', promised, keep)
return {0, math.ceil(wait), ticket, math.max(0, blocked)}
"""
)

_RELEASE = (
    _START
    + """
local id, keep, longest, wide = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('ZREM', leases, id)
if longest > 0 then
  redis.call('ZREMRANGEBYSCORE', ended, '-inf', text(now - longest))
  redis.call('ZADD', ended, text(now), id)
  redis.call('PEXPIRE', ended, keep)
end
local known = redis.call('HMGET', state, 'blocked_until', 'at_once')
local at_once = tonumber(known[2] or 0)
if at_once > 0 and now >= tonumber(known[1] or 0) then
  if at_once < wide then
    redis.call('HSET', state, 'at_once', at_once * 2)
  else
    redis.call('HDEL', state, 'at_once')
  end
end
return 0
"""
)

_BLOCK = (
    _START
    + """
local seconds, keep = tonumber(ARGV[1]), tonumber(ARGV[2])
local blocked = math.max(now + seconds, tonumber(redis.call('HGET', state, 'blocked_until') or 0))
redis.call('HSET', state, 'blocked_until', text(blocked), 'at_once', 1)
redis.call('PEXPIRE', state, text((blocked - now) / 1000 + keep))
return 0
"""
)

_CANCEL = """
for i = 2, 4 do redis.call('ZREM', KEYS[i], ARGV[1]) end
return 0
"""

_RENEW = (
    _START
    + """
local lease, keep = tonumber(ARGV[1]), ARGV[2]
for i = 3, #ARGV do
  redis.call('ZREM', ended, ARGV[i])
  redis.call('ZADD', leases, text(now + lease), ARGV[i])
end
redis.call('PEXPIRE', leases, keep)
return 0
"""
)

_USED = (
    _START
    + """
end_expired()
local used = {}
for i = 1, #ARGV do
  used[i] = redis.call('ZCARD', leases)
    + redis.call('ZCOUNT', ended, '(' .. text(now - ARGV[i]), '+inf')
end
return used
"""
)

STEPS = {
    "acquire": _ACQUIRE,
    "cancel": _CANCEL,
    "release": _RELEASE,
    "renew": _RENEW,
    "block": _BLOCK,
    "used": _USED,
}
"""The scripts by the step that each makes; keys are the five in the order above."""

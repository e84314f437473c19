"""The books of a budget in Redis: scripts that run there as one step each, on Redis' own clock.

Times are whole microseconds. `ended` holds the ends of requests, `flying` those under way with the
end of their lease, `waiting` the queue by ticket, `promised` until when somebody of the queue will
have asked again, and `state` the hold, the slow start after it and the last ticket.
"""

__all__ = ["STEPS"]

_START = """
local ended, flying, waiting, promised, state = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local function text(number) return string.format('%.0f', number) end
local function settle()
  local dead = redis.call('ZRANGEBYSCORE', flying, '-inf', text(now), 'WITHSCORES')
  for i = 1, #dead, 2 do
    redis.call('ZADD', ended, dead[i + 1], dead[i])
    redis.call('ZREM', flying, dead[i])
  end
end
"""

_ASK = (
    _START
    + """
local who, ticket, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local nap, grace, poll, keep = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
settle()
local lost = redis.call('ZRANGEBYSCORE', promised, '-inf', text(now))
for i = 1, #lost do
  redis.call('ZREM', waiting, lost[i])
  redis.call('ZREM', promised, lost[i])
end
local known = redis.call('HMGET', state, 'held', 'at_once')
local held, at_once = tonumber(known[1] or 0) - now, tonumber(known[2] or 0)
local front
if ticket == 0 then
  front = redis.call('ZCARD', waiting)
else
  front = redis.call('ZCOUNT', waiting, '-inf', '(' .. ticket)
end
local busy = redis.call('ZCARD', flying) + front
local wait = math.max(0, held)
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
if wait <= 0 or redis.call('ZSCORE', flying, who) then
  redis.call('ZADD', flying, text(now + lease), who)
  redis.call('PEXPIRE', flying, keep)
  if ticket > 0 then
    redis.call('ZREM', waiting, who)
    redis.call('ZREM', promised, who)
  end
  return {1, 0, ticket, 0}
end
if ticket == 0 then ticket = redis.call('HINCRBY', state, 'ticket', 1) end
redis.call('ZADD', waiting, ticket, who)
redis.call('ZADD', promised, text(now + math.min(wait, nap) + grace), who)
redis.call('PEXPIRE', state, text(math.max(0, held) / 1000 + keep))
redis.call('PEXPIRE', waiting, keep)
redis.call('PEXPIRE', promised, keep)
return {0, math.ceil(wait), ticket, math.max(0, held)}
"""
)

_END = (
    _START
    + """
local who, keep, longest, wide = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('ZREM', flying, who)
if longest > 0 then
  redis.call('ZREMRANGEBYSCORE', ended, '-inf', text(now - longest))
  redis.call('ZADD', ended, text(now), who)
  redis.call('PEXPIRE', ended, keep)
end
local known = redis.call('HMGET', state, 'held', 'at_once')
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

_HOLD = (
    _START
    + """
local seconds, keep = tonumber(ARGV[1]), tonumber(ARGV[2])
local held = math.max(now + seconds, tonumber(redis.call('HGET', state, 'held') or 0))
redis.call('HSET', state, 'held', text(held), 'at_once', 1)
redis.call('PEXPIRE', state, text((held - now) / 1000 + keep))
return 0
"""
)

_LEAVE = """
for i = 2, 4 do redis.call('ZREM', KEYS[i], ARGV[1]) end
return 0
"""

_RENEW = (
    _START
    + """
local lease, keep = tonumber(ARGV[1]), ARGV[2]
for i = 3, #ARGV do
  redis.call('ZREM', ended, ARGV[i])
  redis.call('ZADD', flying, text(now + lease), ARGV[i])
end
redis.call('PEXPIRE', flying, keep)
return 0
"""
)

_USED = (
    _START
    + """
settle()
local found = {}
for i = 1, #ARGV do
  found[i] = redis.call('ZCARD', flying)
    + redis.call('ZCOUNT', ended, '(' .. text(now - ARGV[i]), '+inf')
end
return found
"""
)

STEPS = {
    "ask": _ASK,
    "leave": _LEAVE,
    "end": _END,
    "renew": _RENEW,
    "hold": _HOLD,
    "used": _USED,
}
"""The scripts by the step of the books that each makes; keys are the five in the order above."""

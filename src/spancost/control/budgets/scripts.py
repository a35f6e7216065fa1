# SPDX-License-Identifier: Apache-2.0
"""The two scripts that keep budgets in Valkey or Redis: reserve and settle. Each runs as a whole or not at all.

An account in one period is a hash and a sorted set with one hash tag. In the hash `n` is reserved, `e` expired and
`s:SLOT` settled, nano-dollars in integers; `f:SLOT` is the rest of what is settled in femto-dollars, and `r:ID` a
reservation (`SLOT:AMOUNT`). The set has the reservations by the time they expire, in milliseconds of the server.
Lua's numbers are exact up to 2^53 nano-dollars, 9 million USD; amounts that are only added stay strings (`HINCRBY` is
exact to 2^63).
"""

from __future__ import annotations

_COMMON = """
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function text(number) return string.format('%.0f', number) end

local function minus(amount) return amount == '0' and '0' or '-' .. amount end

local function add(hash, slot, nano, rest)
  redis.call('HINCRBY', hash, 's:' .. slot, nano)
  if rest ~= '0' then
    local whole = redis.call('HINCRBY', hash, 'f:' .. slot, rest)
    if whole >= 1000000 then
      redis.call('HINCRBY', hash, 'f:' .. slot, '-1000000')
      redis.call('HINCRBY', hash, 's:' .. slot, '1')
    end
  end
end

local function expire(hash, set)
  local over = redis.call('ZRANGEBYSCORE', set, '-inf', now, 'LIMIT', 0, 200)
  for _, id in ipairs(over) do
    local held = redis.call('HGET', hash, 'r:' .. id)
    if held then
      local slot, amount = string.match(held, '^(%d+):(%d+)$')
      redis.call('HINCRBY', hash, 'n', minus(amount))
      redis.call('HINCRBY', hash, 'e', amount)
      redis.call('HINCRBY', hash, 's:' .. slot, amount)
      redis.call('HDEL', hash, 'r:' .. id)
    end
    redis.call('ZREM', set, id)
  end
end

local function remove(hash, set, id)
  local held = redis.call('HGET', hash, 'r:' .. id)
  if not held then return nil end
  local slot, amount = string.match(held, '^(%d+):(%d+)$')
  redis.call('HINCRBY', hash, 'n', minus(amount))
  redis.call('HDEL', hash, 'r:' .. id)
  redis.call('ZREM', set, id)
  return slot
end

local function keep(hash, set, milliseconds)
  if milliseconds ~= '0' then
    redis.call('PEXPIRE', hash, milliseconds)
    redis.call('PEXPIRE', set, milliseconds)
  end
end
"""

RESERVE = (
    _COMMON
    + """
local function settled(hash, first, is_rolling)
  if not is_rolling then
    local found = redis.call('HMGET', hash, 's:0', 'f:0')
    return tonumber(found[1] or '0') + (tonumber(found[2] or '0') > 0 and 1 or 0)
  end
  local sum, rest = 0, 0
  local all = redis.call('HGETALL', hash)
  for place = 1, #all, 2 do
    local kind, slot = string.match(all[place], '^([sf]):(%d+)$')
    if kind and tonumber(slot) < first then
      redis.call('HDEL', hash, all[place])
    elseif kind == 's' then
      sum = sum + tonumber(all[place + 1])
    elseif kind == 'f' then
      rest = rest + tonumber(all[place + 1])
    end
  end
  return sum + math.ceil(rest / 1000000)
end

local id, hold, width = ARGV[1], tonumber(ARGV[2]), 12
local plans = {}
if redis.call('HEXISTS', KEYS[1], 'r:' .. id) == 1 then
  local answer = {'ok', text(now)}
  for part = 1, #KEYS / 2 do
    local at, hash = 2 + (part - 1) * width, KEYS[part * 2 - 1]
    local held = redis.call('HGET', hash, 'r:' .. id) or '0:0'
    answer[#answer + 1] = string.match(held, ':(%d+)$')
    answer[#answer + 1] = text(settled(hash, tonumber(ARGV[at + 5]), tonumber(ARGV[at + 4]) % 8 >= 4))
    answer[#answer + 1] = redis.call('HGET', hash, 'n') or '0'
    answer[#answer + 1] = redis.call('HGET', hash, 'e') or '0'
  end
  return answer
end
for part = 1, #KEYS / 2 do
  local at = 2 + (part - 1) * width
  local start, finish = tonumber(ARGV[at + 7]), tonumber(ARGV[at + 8])
  if finish > 0 and (now < start or now >= finish) then return {'clock', text(now)} end
end
for part = 1, #KEYS / 2 do
  local at, hash, set = 2 + (part - 1) * width, KEYS[part * 2 - 1], KEYS[part * 2]
  local flags, replaced = tonumber(ARGV[at + 4]), ARGV[at + 10]
  local may_cross, is_enforced = flags % 2 == 1, math.floor(flags / 2) % 2 == 1
  local is_rolling, is_renewal = math.floor(flags / 4) % 2 == 1, flags >= 8
  expire(hash, set)
  local spent = settled(hash, tonumber(ARGV[at + 5]), is_rolling)
  local reserved = tonumber(redis.call('HGET', hash, 'n') or '0')
  local held = replaced ~= '' and redis.call('HGET', hash, 'r:' .. replaced)
  local used = spent + reserved
  if held then used = used - tonumber(string.match(held, ':(%d+)$')) + tonumber(ARGV[at + 11]) + 1 end
  local room, grant = tonumber(ARGV[at + 3]) - used, tonumber(ARGV[at + 1])
  if is_renewal and not held then grant = 0 end
  if is_enforced then
    local is_admitted
    if may_cross then is_admitted = room > 0
    else
      if grant > room then grant = room end
      is_admitted = grant >= tonumber(ARGV[at + 2])
    end
    if not is_admitted then
      local expired = redis.call('HGET', hash, 'e') or '0'
      return {'no', text(now), text(part - 1), text(spent), text(reserved), expired}
    end
  end
  plans[part] = {grant, spent, reserved}
end
local answer = {'ok', text(now)}
for part = 1, #KEYS / 2 do
  local at, hash, set = 2 + (part - 1) * width, KEYS[part * 2 - 1], KEYS[part * 2]
  local plan, replaced, slot = plans[part], ARGV[at + 10], ARGV[at + 6]
  if replaced ~= '' then
    local old = remove(hash, set, replaced)
    if old then add(hash, old, ARGV[at + 11], ARGV[at + 12]) end
  end
  local grant = text(plan[1])
  redis.call('HINCRBY', hash, 'n', grant)
  redis.call('HSET', hash, 'r:' .. id, slot .. ':' .. grant)
  redis.call('ZADD', set, now + hold, id)
  keep(hash, set, ARGV[at + 9])
  answer[#answer + 1] = grant
  answer[#answer + 1] = text(plan[2])
  answer[#answer + 1] = redis.call('HGET', hash, 'n')
  answer[#answer + 1] = redis.call('HGET', hash, 'e') or '0'
end
return answer
"""
)
"""KEYS: hash and set of each part. ARGV: id, milliseconds it is held, then for each part: amount, least amount that is
of use, limit, flags (1 may cross, 2 enforced, 4 rolling, 8 renewal), first slot, slot, start and end of the period in
milliseconds (0: no end), milliseconds to keep the account (0: for ever), id that is replaced, what that spent in
nano-dollars, and the rest of it in femto-dollars. A renewal of a reservation that has expired is granted nothing.
An id that has its reservation already gets it again: an answer may be lost.

Answers `ok`, the server's time, and for each part granted, settled, reserved, expired; or `no`, the time, the place of
the part that has too little left, and its settled, reserved, expired; or `clock` and the time, when the client's period
is not the server's."""

SETTLE = (
    _COMMON
    + """
local id, late = ARGV[1], 0
for part = 1, #KEYS / 2 do
  local at, hash, set = 1 + (part - 1) * 4, KEYS[part * 2 - 1], KEYS[part * 2]
  expire(hash, set)
  local slot = ARGV[at + 3]
  if id ~= '' then slot = remove(hash, set, id) end
  if slot then
    add(hash, slot, ARGV[at + 1], ARGV[at + 2])
    keep(hash, set, ARGV[at + 4])
  else
    late = late + 1
  end
end
return {text(now), text(late)}
"""
)
"""KEYS: hash and set of each part. ARGV: id ("" for spend that nothing was reserved for), then for each part what was
spent in nano-dollars, the rest in femto-dollars, the slot, and milliseconds to keep the account (0: as it is).

Answers the server's time and how many parts were settled before or had expired."""

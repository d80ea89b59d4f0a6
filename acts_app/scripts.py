"""The Lua scripts of the store: each changes several keys as one, and no reader ever sees a half.

Why Lua and not MULTI: every one of them decides by what it finds. All run in Redis 6.2 and later. Keys that a script
can only learn while it runs (an act's own category) are made from a prefix in ARGV; so the store is one server or one
primary with replicas, not a cluster.

An act's place in the sorted sets is its *entry*: score = seconds of its timestamp, member = 16 digits of the upload's
sequence number, ":", the actId. Equal scores are ordered by member, so the latest upload comes first in ZREVRANGE.
"""

# ARGV commands that only read, each behind its number of words. Answers their answers, all of one moment. It is what
# MULTI would be, but a full store refuses MULTI, and reading must go on.
READ = """
local answers, at = {}, 1
while at <= #ARGV do
  local length = tonumber(ARGV[at])
  answers[#answers + 1] = redis.call(unpack(ARGV, at + 1, at + length))
  at = at + length + 1
end
return answers
"""

# KEYS users, passwords, sequence. ARGV name, password record. Answers 1, or 0 when the name is taken.
ADD_USER = """
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], redis.call('INCR', KEYS[3]), ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return 1
"""

# KEYS users, passwords. ARGV name, account number or '' for anybody.
# Answers 1, 0 when there is no such user, -1 when the account is somebody else's.
REMOVE_USER = """
local account = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not account then return 0 end
if ARGV[2] ~= '' and ARGV[2] ~= account then return -1 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return 1
"""

# KEYS categories, founders, sequence. ARGV name, founder's account number or ''. Answers 1, or 0 when it exists.
ADD_CATEGORY = """
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], redis.call('INCR', KEYS[3]), ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return 1
"""

# KEYS categories, founders, the category's entries, all entries.
# ARGV name, account number or '' for anybody, then the prefixes of the keys that belong to one act.
# Answers 1, 0 when there is no such category, -1 when somebody else added it.
REMOVE_CATEGORY = """
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
if ARGV[2] ~= '' and redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return -1 end
while redis.call('EXISTS', KEYS[3]) == 1 do
  local entries, keys = redis.call('ZRANGE', KEYS[3], 0, 999), {}
  for _, entry in ipairs(entries) do
    local id = string.sub(entry, 18)
    for i = 3, #ARGV do keys[#keys + 1] = ARGV[i] .. id end
  end
  redis.call('UNLINK', unpack(keys))
  redis.call('ZREM', KEYS[4], unpack(entries))
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, 999)
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return 1
"""

# KEYS categories. ARGV the prefix of the categories' entries. Answers name, size, name, size… in order of creation.
CATEGORY_SIZES = """
local answer = {}
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  answer[#answer + 1] = name
  answer[#answer + 1] = redis.call('ZCARD', ARGV[1] .. name)
end
return answer
"""

# KEYS users, categories, sequence, all entries, the category's entries, the act, its image.
# ARGV id, username, timestamp, seconds, caption, category, image, bytes of the image, uploader's account number or ''.
# Answers 'added', or what is wrong: 'taken', 'no user', 'no category'.
ADD_ACT = """
if redis.call('EXISTS', KEYS[6]) == 1 then return 'taken' end
if not redis.call('ZSCORE', KEYS[1], ARGV[2]) then return 'no user' end
if not redis.call('ZSCORE', KEYS[2], ARGV[6]) then return 'no category' end
local entry = string.format('%016d', redis.call('INCR', KEYS[3])) .. ':' .. ARGV[1]
redis.call('SET', KEYS[7], ARGV[7])
redis.call('HSET', KEYS[6], 'id', ARGV[1], 'username', ARGV[2], 'timestamp', ARGV[3], 'caption', ARGV[5],
  'category', ARGV[6], 'size', ARGV[8], 'account', ARGV[9], 'upvotes', 0, 'entry', entry)
redis.call('ZADD', KEYS[4], ARGV[4], entry)
redis.call('ZADD', KEYS[5], ARGV[4], entry)
return 'added'
"""

# KEYS the act, all entries. ARGV account number or '' for anybody, prefix of the categories' entries, id, then the
# prefixes of the keys that belong to one act. Answers 1, 0 when there is no such act, -1 when it is somebody else's.
REMOVE_ACT = """
local act = redis.call('HMGET', KEYS[1], 'entry', 'category', 'account')
if not act[1] then return 0 end
if ARGV[1] ~= '' and ARGV[1] ~= act[3] then return -1 end
redis.call('ZREM', KEYS[2], act[1])
redis.call('ZREM', ARGV[2] .. act[2], act[1])
for i = 4, #ARGV do redis.call('UNLINK', ARGV[i] .. ARGV[3]) end
return 1
"""

# KEYS the act. Answers the new number of upvotes, or nothing when there is no such act.
UPVOTE = """
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
return redis.call('HINCRBY', KEYS[1], 'upvotes', 1)
"""

# KEYS the act, the set of accounts that upvoted it. ARGV account number, 1 to upvote or 0 to take it back.
# Answers the number of upvotes after it, or nothing when there is no such act. Twice the same changes nothing.
UPVOTE_ONCE = """
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local change = 0
if ARGV[2] == '1' then change = redis.call('SADD', KEYS[2], ARGV[1])
else change = 0 - redis.call('SREM', KEYS[2], ARGV[1]) end
return redis.call('HINCRBY', KEYS[1], 'upvotes', change)
"""

# KEYS the request counter. One more, in memory: writing every request to the append-only file would make every look
# at a page wait for the disk. Each hundredth is written, so a store that is killed forgets at most 99 requests.
COUNT = """
redis.replicate_commands()
redis.set_repl(redis.REPL_NONE)
local number = redis.call('INCR', KEYS[1])
if number % 100 == 0 then
  redis.set_repl(redis.REPL_ALL)
  redis.call('SET', KEYS[1], number)
end
"""

# KEYS the act, its small picture. ARGV the act's entry, the picture. Answers 1, or 0 when that act is gone.
KEEP_THUMBNAIL = """
if redis.call('HGET', KEYS[1], 'entry') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2])
return 1
"""

# KEYS categories, the entries to list. ARGV category or '' for all acts, first (0 = newest), last, most, prefix of
# the acts, prefix of the images, most bytes of images, then the fields wanted, the first of them the image's size.
# Where more than `most` entries exist and last is -1, only the number is answered.
# Answers {known, size, {fields, fields, …}, {image, image, …}}, the images only where they are small enough together;
# one round trip, and one moment for all of it.
LIST = """
if ARGV[1] ~= '' and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return {0, 0, {}, {}} end
local size = redis.call('ZCARD', KEYS[2])
if ARGV[3] == '-1' and size > tonumber(ARGV[4]) then return {1, size, {}, {}} end
local fields, acts, keys, bytes = {}, {}, {}, 0
for i = 8, #ARGV do fields[#fields + 1] = ARGV[i] end
for _, entry in ipairs(redis.call('ZREVRANGE', KEYS[2], ARGV[2], ARGV[3])) do
  local id = string.sub(entry, 18)
  local act = redis.call('HMGET', ARGV[5] .. id, unpack(fields))
  acts[#acts + 1], keys[#keys + 1], bytes = act, ARGV[6] .. id, bytes + act[1]
end
if #acts == 0 or bytes > tonumber(ARGV[7]) then return {1, size, acts, {}} end
return {1, size, acts, redis.call('MGET', unpack(keys))}
"""

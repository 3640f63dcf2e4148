-- The workloads as every Lua peer runs them (c-lua, raw, models); bench/floor/c_*.c are the same in C.
-- Used by bench/peer.lua. A peer is a table of functions (see bench/peer.lua); this file is the loop
-- around them, the rows that are written, and the checksums that show that two peers did the same work.
--
-- Runs on Lua 5.4 and LuaJIT. A new entry here and in floor/c_main.c, its name in bench/harness.lua and a line in
-- bench/targets.lua are all that the harness needs.

local M = {}

local format, byte = string.format, string.byte

local FIRST_NAMES = {
  "Ada", "Alan", "Barbara", "Brian", "Claude", "Dennis", "Donald", "Edsger", "Frances", "Grace",
  "Guido", "Hedy", "John", "Katherine", "Ken", "Leslie", "Margaret", "Niklaus", "Radia", "Tony",
}
local LAST_NAMES = { "Hamilton", "Hoare", "Hopper", "Kernighan", "Liskov" }
local BIOGRAPHY = "wrote the first of many programs on a borrowed machine and never quite gave it back"

-- The `count` rows that a workload writes; fresh tables, for a peer may keep or change them.
local function make_users(tag, count)
  local users = {}
  for i = 1, count do
    users[i] = {
      firstName = FIRST_NAMES[i % 20 + 1],
      lastName = LAST_NAMES[i % 5 + 1],
      email = tag .. "-" .. i .. "@example.com",
      age = 18 + i * 37 % 62,
      score = (i * 13 % 8000) / 8,
      isActive = i % 3 ~= 0,
      bio = i % 4 ~= 0 and BIOGRAPHY or nil,
    }
  end
  return users
end

-- The measured checksum: every column is read, cheaply. Sums of eighths are exact, so their order does not
-- matter.
local quick = {}

function quick.user(u)
  local bio = u.bio
  return u.id + #u.firstName + #u.lastName + #u.email + u.age + u.score
    + (u.isActive == true and 1 or 0) + (bio and #bio or 0) + #u.createdAt + #u.updatedAt
end

function quick.post(p)
  return p.id + p.userId + #p.title + #p.content + #p.status + #p.publishedAt
end

function quick.profile(p)
  return p.id + p.userId + #p.bio + #p.website
end

function quick.tag(t)
  local link = t.PostTag
  return t.id + #t.name + #t.slug + link.postId + link.tagId + link.relevance
end

-- The unmeasured one, over every byte of every column.
local deep = {}

local function hash(text)
  local h = 7
  for i = 1, #text do h = (h * 31 + byte(text, i)) % 2147483647 end
  return h
end

function deep.user(u)
  return hash(format("%d|%s|%s|%s|%d|%.3f|%d|%s|%s|%s", u.id, u.firstName, u.lastName, u.email, u.age,
    u.score, u.isActive == true and 1 or 0, u.bio or "-", u.createdAt, u.updatedAt))
end

function deep.post(p, parent)
  assert(p.userId == parent.id, "a post under the wrong user")
  return hash(format("%d|%d|%s|%s|%s|%s", p.id, p.userId, p.title, p.content, p.status, p.publishedAt))
end

function deep.profile(p, parent)
  assert(p.userId == parent.id, "a profile under the wrong user")
  return hash(format("%d|%d|%s|%s", p.id, p.userId, p.bio, p.website))
end

function deep.tag(t, parent)
  local link = t.PostTag
  assert(link.postId == parent.id and link.tagId == t.id, "a tag under the wrong post")
  return hash(format("%d|%s|%s|%d|%d|%d", t.id, t.name, t.slug, link.postId, link.tagId, link.relevance))
end

M.quick, M.deep = quick, deep

local function sum_users(users, fold)
  local sum, user = 0, fold.user
  for i = 1, #users do sum = sum + user(users[i]) end
  return sum
end

local function key(i)
  return 1 + i * 7919 % 10000
end

local function find(peer, _, fold)
  local sum, one, user = 0, peer.find, fold.user
  for i = 1, 2500 do sum = sum + user(one(key(i))) end
  return sum
end

local function flight(peer, _, fold)
  local sum, user = 0, fold.user
  peer.flight(16, 4000, key, function(row) sum = sum + user(row) end)
  return sum
end

local function all(peer, _, fold)
  return sum_users(peer.all(), fold)
end

local function filter(peer, _, fold)
  local sum = 0
  for q = 1, 500 do
    local names = {}
    for k = 1, 5 do names[k] = FIRST_NAMES[(q + 3 * (k - 1)) % 20 + 1] end
    sum = sum + sum_users(peer.filter(18 + q % 20, 53 + q % 20, names, 50), fold)
  end
  return sum
end

local function create(peer, users)
  local sum, one = 0, peer.create
  peer.transaction(function()
    for i = 1, #users do sum = sum + one(users[i]).id end
  end)
  return sum
end

local function bulk(peer, users)
  local sum = 0
  local created = peer.bulk(users)
  for i = 1, #created do sum = sum + created[i].id end
  return sum
end

local function include(peer, _, fold)
  local sum, users, user, post = 0, peer.parents(1000), fold.user, fold.post
  for i = 1, #users do
    local u = users[i]
    local posts = u.posts
    sum = sum + user(u)
    for k = 1, #posts do sum = sum + post(posts[k], u) end
  end
  return sum
end

local function nested(peer, _, fold)
  local sum, user, post, profile, tag = 0, fold.user, fold.post, fold.profile, fold.tag
  for _ = 1, 10 do
    local posts = peer.nested(200)
    for i = 1, #posts do
      local p = posts[i]
      local author, tags = p.author, p.tags
      sum = sum + post(p, author) + user(author) + profile(author.profile, author)
      for k = 1, #tags do sum = sum + tag(tags[k], p) end
    end
  end
  return sum
end

local function save(peer, users)
  local sum, one = 0, peer.save
  peer.transaction(function()
    for i = 1, #users do
      local u = users[i]
      u.age = 100 + u.id % 50
      one(u)
      sum = sum + u.id
    end
  end)
  return sum
end

local function transactions(peer, users)
  local sum = 0
  for i = 1, 500 do
    peer.transaction(function()
      local pair = peer.pair(2 * i - 1, 2 * i)
      sum = sum + sum_users(pair, quick)
      pair[1].age = 100 + i % 50
      pair[2].age = 100 + i % 50
      peer.save(pair[1])
      peer.save(pair[2])
      sum = sum + peer.create(users[i]).id
    end)
  end
  return sum
end

-- operations: in one repetition. needs: the peer's function without which the workload is left out. input:
-- made before the measured time. connections: of the pool, one when not given. writes: the tables are set
-- back afterwards, and the check is over what was written.
M.list = {
  { name = "W1", operations = 2500, needs = "find", run = find },
  { name = "W2", operations = 10000, needs = "all", run = all },
  { name = "W3", operations = 500, needs = "filter", run = filter },
  { name = "W4", operations = 2000, needs = "create", run = create, writes = true,
    input = function() return make_users("w4", 2000) end },
  { name = "W5", operations = 10000, needs = "bulk", run = bulk, writes = true,
    input = function() return make_users("w5", 10000) end },
  { name = "W6", operations = 1000, needs = "parents", run = include },
  { name = "W7", operations = 2000, needs = "nested", run = nested },
  { name = "W8", operations = 2000, needs = "save", run = save, writes = true,
    input = function(peer) return peer.first(2000) end },
  { name = "W9", operations = 500, needs = "pair", run = transactions, writes = true,
    input = function() return make_users("w9", 500) end },
  { name = "W10", operations = 4000, needs = "flight", run = flight, connections = 8 },
}

return M

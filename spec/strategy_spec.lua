-- A result never depends on how its associations were loaded: hundreds of generated finder options, each with every
-- loading strategy, on both databases, compared value by value.
local helper = require "spec.helper"
local rowan = require "rowan"
local seeded = require "spec.seeded"

local DataTypes, Op = rowan.DataTypes, rowan.Op

local CASES, SEED = 200, 20240201

-- A text that is the same for equal values, whatever the order of keys.
local function dump(value)
  if type(value) ~= "table" then return tostring(value) end
  local keys, parts = {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, key in ipairs(keys) do parts[i] = tostring(key) .. "=" .. dump(value[key]) end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function define(db)
  local models = {}
  local function model(name, attributes)
    models[name] = db:define(name, attributes, { timestamps = false })
    return models[name]
  end
  local Country = model("Country", { name = DataTypes.STRING })
  local User = model("User", { name = DataTypes.STRING, age = DataTypes.INTEGER })
  local Profile = model("Profile", { bio = DataTypes.STRING, userId = { type = DataTypes.INTEGER, unique = true } })
  local Post = model("Post", { title = DataTypes.STRING, score = DataTypes.INTEGER })
  local Comment = model("Comment", { text = DataTypes.STRING, score = DataTypes.INTEGER })
  User:belongsTo(Country, { as = "country" })
  Country:hasMany(User, { as = "users" })
  User:hasOne(Profile, { as = "profile" })
  Profile:belongsTo(User, { as = "user", foreignKey = "userId" })
  User:hasMany(Post, { as = "posts" })
  Post:belongsTo(User, { as = "author", foreignKey = "userId" })
  Post:hasMany(Comment, { as = "comments" })
  Comment:belongsTo(Post, { as = "post" })
  Comment:belongsTo(User, { as = "author", foreignKey = "authorId" })
  if User.belongsToMany then
    local Tag = model("Tag", { name = DataTypes.STRING, score = DataTypes.INTEGER })
    local PostTag = model("PostTag", { relevance = DataTypes.INTEGER })
    Post:belongsToMany(Tag, { as = "tags", through = PostTag, foreignKey = "postId", otherKey = "tagId" })
    Tag:belongsToMany(Post, { as = "posts", through = PostTag, foreignKey = "tagId", otherKey = "postId" })
  end
  return models
end

local function fill(models, random)
  local function rows(name, count, make)
    local list = {}
    for i = 1, count do list[i] = make(i) end
    models[name]:bulkCreate(list)
  end
  local function maybe(low, high) return not random.chance(0.15) and random.integer(low, high) or nil end
  rows("Country", 4, function(i) return { name = "country " .. i } end)
  rows("User", 12, function(i) return { name = "user " .. i % 5, age = maybe(10, 40), countryId = maybe(1, 4) } end)
  rows("Profile", 8, function(i) return { bio = "bio " .. i, userId = i } end)
  rows("Post", 40, function(i) return { title = "post " .. i % 7, score = maybe(1, 9), userId = maybe(1, 12) } end)
  rows("Comment", 90, function(i)
    return { text = "text " .. i % 6, score = maybe(1, 9), postId = maybe(1, 40), authorId = maybe(1, 12) }
  end)
  if models.Tag then
    rows("Tag", 6, function(i) return { name = "tag " .. i, score = i } end)
    local pairs_of, seen = {}, {}
    for _ = 1, 80 do
      local post, tag = random.integer(1, 40), random.integer(1, 6)
      if not seen[post .. " " .. tag] then
        seen[post .. " " .. tag] = true
        pairs_of[#pairs_of + 1] = { postId = post, tagId = tag, relevance = random.integer(1, 9) }
      end
    end
    models.PostTag:bulkCreate(pairs_of)
  end
end

local CONDITIONS = {
  Country = function(r) return { name = "country " .. r.integer(1, 4) } end,
  User = function(r) return r.chance(0.5) and { age = { [Op.gte] = r.integer(10, 40) } } or { age = rowan.null } end,
  Profile = function(r) return { userId = { [Op.lt] = r.integer(1, 9) } } end,
  Post = function(r) return { [Op.or_] = { { score = { [Op.gt] = r.integer(1, 9) } }, { title = "post 3" } } } end,
  Comment = function(r) return { text = { "text 1", "text " .. r.integer(2, 5) } } end,
  Tag = function(r) return { score = { [Op.lte] = r.integer(1, 6) } } end,
}
local PATHS = {
  User = { "$country.name$", "country 2" }, Post = { "$author.country.name$", "country 1" },
  Comment = { "$post.title$", "post 2" }, Country = { "$users.posts.score$", 5 },
}

local function include_of(model, random, depth)
  local list = {}
  for _, made in ipairs(model.association_order) do
    if random.chance(depth == 0 and 0.6 or 0.4) then
      local entry = { as = made.as }
      if random.chance(0.4) then entry.where = CONDITIONS[made.target.name](random) end
      if random.chance(0.3) then entry.required = random.chance(0.5) end
      if random.chance(0.3) then entry.attributes = { "id" } end
      if made.multiple then
        entry.order = random.chance(0.5) and { { "id", "DESC" } } or { "id" }
        if random.chance(0.3) then entry.limit = random.integer(1, 3) end
        if random.chance(0.15) then entry.offset = random.integer(0, 2) end
      end
      if made.through and random.chance(0.5) then
        entry.through = random.chance(0.5) and { attributes = {} } or { where = { relevance = { [Op.gt] = 3 } } }
      end
      if depth < 2 then entry.include = include_of(made.target, random, depth + 1) end
      list[#list + 1] = entry
    end
  end
  return list
end

local function options_of(model, random)
  local options = { include = include_of(model, random, 0), order = { { "id", random.pick{ "ASC", "DESC" } } } }
  if random.chance(0.4) then options.where = CONDITIONS[model.name](random) end
  if PATHS[model.name] and random.chance(0.3) then
    options.where = options.where or {}
    options.where[PATHS[model.name][1]] = PATHS[model.name][2]
  end
  if random.chance(0.4) then options.limit = random.integer(1, 8) end
  if random.chance(0.2) then options.offset = random.integer(0, 3) end
  return options
end

local function with_strategy(option, choose)
  if type(option) ~= "table" then return option end
  local copy = {}
  for i, entry in ipairs(option) do
    local own = {}
    for key, value in pairs(entry) do own[key] = value end
    own.include = with_strategy(entry.include, choose)
    own.strategy = choose()
    copy[i] = own
  end
  return copy
end

local function find(model, options, choose)
  local own = {}
  for key, value in pairs(options) do own[key] = value end
  own.include = with_strategy(options.include, choose)
  local list = {}
  for i, row in ipairs(model:findAll(own)) do list[i] = row:toJSON() end
  own.raw = true
  return dump(list), dump(model:findAll(own)), own
end

local STRATEGIES = {
  default = function() return function() return nil end end,
  join = function() return function() return "join" end end,
  mixed = function()
    local random = seeded(SEED + 1)
    return function() return random.pick{ "join", "select" } end
  end,
}

local function counts_agree(model, options, message)
  local page = model:findAndCountAll(options)
  local all = {}
  for key, value in pairs(options) do all[key] = value end
  all.limit, all.offset = nil, nil
  assert.equal(#model:findAll(all), page.count, message)
  assert.equal(page.count, model:count{ where = options.where, include = options.include }, message)
end

-- What the first database gave; the second must give the same.
local answers = {}

helper.each(function(dialect, connect)
  local function each_case(check)
    local random = seeded(SEED)
    local db = connect()
    local models = define(db)
    db:sync()
    fill(models, random)
    local roots = { models.User, models.Post, models.Comment, models.Country }
    for case = 1, CASES do
      local model = random.pick(roots)
      check(model, options_of(model, random), ("case %d, %s"):format(case, model.name), case)
    end
  end

  describe("generated finder options", function()
    for name, strategy in pairs(STRATEGIES) do
      it(("give the same rows with the strategy %s as with one select an association"):format(name), function()
        local choose = strategy()
        each_case(function(model, options, message)
          local expected, plain = find(model, options, function() return "select" end)
          local got, raw = find(model, options, choose)
          assert.equal(expected, plain, message)
          assert.equal(expected, got, message)
          assert.equal(expected, raw, message)
        end)
      end)
    end

    it("give the same rows on every database", function()
      each_case(function(model, options, message, case)
        local got = find(model, options, function() return nil end)
        answers[case] = answers[case] or got
        assert.equal(answers[case], got, message .. " on " .. dialect)
      end)
    end)

    it("count each row once", function()
      each_case(counts_agree)
    end)
  end)
end)

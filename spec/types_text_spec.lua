-- rowan.types: annotations that an editor reads; and the library's own, which no code is read by.
local rowan = require "rowan"

local D = rowan.DataTypes
local helper = require "spec.helper"
local hooks = require "rowan.change.hooks"
local ops = require "rowan.base.ops"
local suggest = require "rowan.base.suggest"
local types = require "rowan.types"
local words = require "rowan.model.annotation_words"

local function has(text, line)
  local near = text:match("[^\n]*" .. (line:match("@%w+ [%w_%[\"]+") or line):gsub("%p", "%%%0") .. "[^\n]*")
  assert(("\n" .. text):find("\n---" .. line .. "\n", 1, true), ("there is no %s, but %s"):format(line, tostring(near)))
end

-- Valid Lua, in which every line is a comment.
local function only_comments(text)
  assert(load(text))()
  for line in text:gmatch("[^\n]*") do
    assert(line == "" or line:find("^%-%-%-"), "not a comment: " .. line)
  end
end

-- The fields of the classes of a file, by class; with those of another.
local function classes_of(path, all)
  all = all or {}
  local class
  for line in io.lines(path) do
    local name, parents = line:match("^%-%-%-@class ([%w_.]+):? ?(.*)")
    if name then
      all[name] = all[name] or {}
      class, all[name][""] = all[name], parents
    end
    local field = line:match("^%-%-%-@field ([%w_]+)")
    if field then class[field] = true end
  end
  return all
end

helper.on("sqlite", function(_, connect)
  local db, User, Post, Tag

  before_each(function()
    db = connect{ storage = ":memory:" }
    User = db:define("User", {
      { "name", D.STRING, allowNull = false, comment = "what\nto call" }, { "age", D.INTEGER }, { "score", D.DOUBLE },
      { "role", D.ENUM("user", "admin") }, { "data", D.JSON }, { "end", D.BOOLEAN }, { "born", D.DATE },
      { "card", D.VIRTUAL(D.STRING, { "name" }), get = function() return "" end },
    }, { timestamps = false, paranoid = false })
    Post = db:define("blog-post", { title = D.STRING }, { timestamps = false })
    Tag = db:define("Tag", { word = D.STRING }, { timestamps = false })
    User:hasMany(Post, { as = "posts" })
    Post:belongsTo(User, { as = "author", foreignKey = "userId" })
    Post:belongsToMany(Tag, { through = "PostTag", as = "tags" })
    Tag:hasOne(User, { as = "owner" })
  end)

  it("writes classes for rows, their values, conditions, options and the model", function()
    function User.prototype:greet(word, ...) return self.name .. word .. select("#", ...) end
    function User:byName(name) return self:findOne{ where = { name = name } } end
    local text = rowan.types(db)
    only_comments(text)
    has(text, "@meta")
    for _, line in ipairs{
      "@class User: rowan.Instance", "@field Model UserModel", "@field id integer", "@field name string # what to call",
      "@field age? integer", "@field score? number", '@field role? "user"|"admin"', "@field data? any",
      '@field ["end"] boolean?', "@field born? string", "@field card? string", "@field posts? blog_post[]",
      "@field getPosts fun(self: User, options?: blog_postFinder|rowan.GetterOptions): blog_post[] # The rows of posts",
      "@field greet fun(self: User, word: any, ...: any): any",
      "@field author? User", "@field getAuthor fun(self: blog_post, options?: UserFinder|rowan.GetterOptions): User? # The author",
      "@field tags? Tag[]", "@field PostTag? PostTag # when found through blog-post", "@field owner? User",
      '@alias UserAttribute "id"|"name"|"age"|"score"|"role"|"data"|"end"|"born"|"card"|"tagId"',
      '@alias UserAssociation "posts"',
      "@class UserValues", "@field age? integer|rowan.Expression", "@field born? string|number|rowan.Expression",
      "@field posts? blog_postValues[] # with include",
      "@class UserWhere", '@field role? "user"|"admin"|table', '@field ["end"] (boolean|table)?',
      "@class UserFinder: UserFilter, rowan.FinderOptions", "@class UserModel: rowan.Model",
      "@field findByPk fun(self: UserModel, key: rowan.Key, options?: UserFinder): User? # The row with a primary key, or nil",
      "@field byName fun(self: UserModel, name: any): any", "@field beforeCreate UserHook",
      "@alias UserHook fun(self: UserModel, name: string|fun(row: User, options: table), "
        .. "fn?: fun(row: User, options: table)): fun()",
      '@field model fun(self: rowan.Database, name: "User"): UserModel', '@field ["blog-post"] blog_postModel',
    } do
      has(text, line)
    end
    -- rowan's own methods are the library's to describe.
    assert.is_nil(text:find("@field toJSON", 1, true))
    assert.equal(text, rowan.types(db))
  end)

  it("keeps every name and comment on its line, and takes no name that an editor knows", function()
    local hostile = 'a"b\\c ---@class x ]] --'
    local Odd = db:define(hostile, {
      { "weird name", D.INTEGER, comment = "\r\n| string[] # {\0" }, { "private", D.INTEGER }, { "1st", D.TEXT },
      { "kind", D.ENUM("it's", 'a"b', "c\\d", "e|f") }, { "list", D.ARRAY(D.ENUM("x", "y")) },
    }, { tableName = "odd", timestamps = false, comment = "two\nlines" })
    local String = db:define("string", {}, { timestamps = false })
    local Own = db:define("rowan.Model", {}, { timestamps = false })
    local text = rowan.types{ Odd, String, Own, db:define("UserModel", {}), User }
    only_comments(text)
    for _, line in ipairs{
      'A row of "a\\"b\\\\c ---@class x ]] --". # two lines', "@class a_b_c_____class_x______: rowan.Instance",
      '@field ["weird name"] integer? # | string[] # {', '@field ["private"] integer?', '@field ["1st"] string?',
      '@field kind? "it\'s"|"a\\"b"|"c\\\\d"|"e|f"', '@field list? ("x"|"y")[]',
      "@class string_: rowan.Instance", "@class rowan_Model: rowan.Instance", "@class UserModel: rowan.Instance",
      "@class UserModel_: rowan.Model",
    } do
      has(text, line)
    end
  end)

  it("knows what the values of each type are", function()
    local Money = D.custom("Money", { type = D.INTEGER, dump = function(v) return v end, load = function(v) return v end })
    local Even = D.custom("Even", { type = D.INTEGER, cast = function(v) return v % 2 == 0 and v or nil end })
    local complete = { ENUM = D.ENUM("x"), ARRAY = D.ARRAY(D.INTEGER), VIRTUAL = D.VIRTUAL(D.DATE), Money = Money, Even = Even }
    local attributes, wanted = {}, {
      ENUM = '"x"', ARRAY = "integer[]", VIRTUAL = "string", Money = "any", Even = "integer", JSON = "any", JSONB = "any",
      BOOLEAN = "boolean", FLOAT = "number", REAL = "number", DOUBLE = "number", HSTORE = "table<string, string>",
    }
    for _, name in ipairs(types.names()) do
      local type_of = complete[name] or D[name]
      if not type_of.incomplete and not type_of.generate and pcall(function()
        db:define("Try", { a = type_of })
      end) then
        attributes[#attributes + 1] = { name, type_of }
      end
    end
    for _, name in ipairs{ "Money", "Even" } do attributes[#attributes + 1] = { name, complete[name] } end
    assert.equal("{ value?: integer, inclusive: boolean }[]", words.type(D.RANGE(D.INTEGER)))
    assert.equal("table", words.type(D.RANGE(D.INTEGER), true))
    local text = rowan.types(db:define("All", attributes, { timestamps = false }))
    for _, one in ipairs(attributes) do
      local kind = wanted[one[1]] or one[2].integer and "integer"
      local written = text:match("@field " .. one[1] .. "%? ([^\n]+)")
      if kind then assert.equal(kind, written, one[1]) end
      assert.is_true(written ~= "any" or kind == "any", one[1])
    end
  end)

  it("takes a model, models, or several databases, and a prefix for their classes", function()
    assert.equal(rowan.types(User), rowan.types{ User })
    assert.equal(rowan.types{ User, Post, Tag, db.models.PostTag }, rowan.types(db))
    assert.is_nil(rowan.types(User):find("blog_post", 1, true))
    local other = connect{ storage = ":memory:" }
    other:define("User", { only = D.STRING })
    other:define("Database", {})
    local text = rowan.types{ main = db, other = other }
    has(text, "@class User: rowan.Instance")
    has(text, "@class User_: rowan.Instance")
    local shop = rowan.types(other, { prefix = "shop." })
    only_comments(shop)
    for _, line in ipairs{
      "@class shop.User: rowan.Instance", "@class shop.Database: rowan.Database", "@field models shop.Models",
      '@field model fun(self: shop.Database, name: "User"): shop.UserModel', "@class shop.Database_: rowan.Instance",
    } do
      has(shop, line)
    end
    assert.is_nil(shop:find("@class rowan.", 1, true))
    for _, wrong in ipairs{ 5, { 5 }, { User = "x" } } do
      assert.equal("UsageError", helper.error_of(rowan.types, wrong).name)
    end
    assert.matches("prefix", helper.error_of(rowan.types, db, { prefx = "a" }).message)
    for _, wrong in ipairs{ 5, "", "a b", "rowan.x" } do
      assert.matches("prefix", helper.error_of(rowan.types, db, { prefix = wrong }).message)
    end
  end)

  it("describes every operator, type, error class and hook of the library", function()
    local meta = classes_of("lua/rowan/meta.lua")
    local reserved = { ["and"] = true, ["or"] = true, ["not"] = true, ["in"] = true }
    local function same(class, names)
      local wanted, found = {}, {}
      for _, name in ipairs(names) do wanted[#wanted + 1] = name end
      for name in pairs(meta[class]) do
        if name ~= "" and name ~= "hooks" then found[#found + 1] = name end
      end
      table.sort(wanted)
      table.sort(found)
      assert.same(wanted, found, class)
    end
    local operators, errors, of_models, of_databases = ops.names(), {}, {}, {}
    for i, name in ipairs(operators) do operators[i] = reserved[name] and name .. "_" or name end
    for name in pairs(rowan.errors) do errors[#errors + 1] = name end
    local names = types.names()
    names[#names + 1] = "custom"
    for name in pairs(hooks.OF_MODELS) do of_models[#of_models + 1] = name end
    for name in pairs(hooks.OF_DATABASES) do of_databases[#of_databases + 1] = name end
    same("rowan.Operators", operators)
    same("rowan.DataTypes", names)
    same("rowan.ErrorClasses", errors)
    same("rowan.Hooked", of_models)
    for name in rowan.types(User):gmatch("@field ([%w_]+) UserHook") do assert.is_true(meta["rowan.Hooked"][name]) end
    same("rowan.Database", of_databases)
  end)

  it("describes the options of calls: all that there are, and no others", function()
    local meta = classes_of("lua/rowan/meta_calls.lua", classes_of("lua/rowan/meta_options.lua"))
    local Soft = db:define("Soft", {}, { paranoid = true })
    db:sync()
    local user = User:create{ name = "Ann" }
    local calls = {
      ConnectOptions = function(o) rowan.connect(o) end,
      PoolOptions = function(o) rowan.connect("sqlite::memory:", { pool = o }) end,
      AttributeOptions = function(o) db:define("X", { a = o }) end,
      ModelOptions = function(o) db:define("X", {}, o) end,
      IndexOptions = function(o) db:define("X", { a = D.TEXT }, { indexes = { o } }) end,
      AssociationOptions = function(o)
        for _, kind in ipairs{ "belongsTo", "hasOne", "hasMany", "belongsToMany" } do
          local ok, err = pcall(User[kind], User, Post, o)
          if ok or not err.message:find("has no option", 1, true) then return end
        end
        error{ message = "has no option" }
      end,
      CustomTypeOptions = function(o) D.custom("Money", o) end,
      IncludeOptions = function(o)
        o.association = o.association or "posts"
        User:findAll{ include = { o } }
      end,
      TransactionOptions = function(o) db:transaction(o, function() end) end,
      FinderOptions = function(o) User:findAll(o) end,
      AggregateOptions = function(o) User:count(o) User:sum("age", o) end,
      BuildOptions = function(o) User:build({}, o) end,
      PageOptions = function(o)
        if o.total ~= nil then o.first = 1 end
        User:paginate(o)
      end,
      BatchOptions = function(o) User:each(o) User:stream(o) end,
      CreateOptions = function(o) User:create({ name = "x" }, o) end,
      BulkCreateOptions = function(o) User:bulkCreate({}, o) end,
      UpsertOptions = function(o) User:upsert({ name = "x" }, o) end,
      UpdateOptions = function(o)
        o.where = o.where or rowan.all
        User:update({ name = "x" }, o)
      end,
      BulkUpdateOptions = function(o) User:bulkUpdate({}, o) end,
      BulkDestroyOptions = function(o)
        o.where = o.where or rowan.all
        User:destroy(o)
      end,
      IncrementOptions = function(o)
        o.where = o.where or rowan.all
        User:increment("age", o)
      end,
      SaveOptions = function(o) user:save(o) end,
      DestroyOptions = function(o) user:destroy(o) end,
      GetterOptions = function(o)
        local ok, err = pcall(user.getPosts, user, o)
        if ok or not err.message:find("has no option", 1, true) then return end
        Post:build{ id = 1 }:getTags(o)
      end,
      LinkCallOptions = function(o)
        for _, call in ipairs{
          function() user:setPosts({}, o) end, function() user:removePosts({}, o) end,
          function() Tag:build{ id = 1 }:setOwner(nil, o) end, function() Post:build{ id = 1 }:setAuthor(nil, o) end,
          function() Post:build{ id = 1 }:setTags({}, o) end,
        } do
          local ok, err = pcall(call)
          if ok or not err.message:find("has no option", 1, true) then return end
        end
        error{ message = "has no option" }
      end,
      ExistsOptions = function(o) User:exists(o) end,
      FindOrOptions = function(o)
        o.where = o.where or {}
        User:findOrBuild(o)
      end,
      InsertFromOptions = function(o) User:insertFrom(db:from("User"), o) end,
      CopyOptions = function(o) User:copy({}, o) end,
      RestoreOptions = function(o)
        o.where = o.where or rowan.all
        Soft:restore(o)
      end,
      TruncateOptions = function(o) Soft:truncate(o) end,
      SyncOptions = function(o) Soft:sync(o) end,
      DropOptions = function(o) Soft:drop(o) end,
      AddOptions = function(o) user:increment("age", o) end,
      RestoreRowOptions = function(o) Soft:build():restore(o) end,
      ReloadOptions = function(o) user:reload(o) end,
      ValidationOptions = function(o) user:validate(o) end,
      QueryOptions = function(o) db:query("SELECT 1", o) end,
    }
    -- Some stand beside those of a finder; some are for one of the calls; some are rowan's own.
    local beside = { GetterOptions = true, PageOptions = true, BatchOptions = true }
    local elsewhere = { col = true, countGroupedRows = true, dataType = true }
    local own, refused = { foreignKeys = true }, { "not supported", "belongs to the type", "is for MySQL" }

    local function fields_of(name, into)
      into = into or {}
      for field in pairs(meta["rowan." .. name]) do into[field] = true end
      for parent in meta["rowan." .. name][""]:gmatch("rowan%.(%w+)") do fields_of(parent, into) end
      into[""] = nil
      return into
    end

    local function message_of(call, options)
      local ok, err = pcall(call, options)
      return not ok and type(err) == "table" and err.message or ""
    end

    local missing, wrong = {}, {}
    for full in pairs(meta) do
      local name = full:match("^rowan%.(.*)")
      local call = calls[name]
      assert(call or name == "CallOptions" or name == "SendOptions", "no call for " .. full)
      local fields = fields_of(name)
      for field in pairs(call and fields or {}) do
        local message = message_of(call, { [field] = false })
        local is_none = message:find("no option", 1, true) and not (name == "AggregateOptions" and elsewhere[field])
        if is_none then wrong[#wrong + 1] = full .. "." .. field end
      end
      local known, unknown = nil, suggest.unknown
      suggest.unknown = function(what, word, names)
        if word == "zzqqzz" then known = known or names end
        return unknown(what, word, names)
      end
      local said = call and message_of(call, { zzqqzz = 1 })
      suggest.unknown = unknown
      if beside[name] then fields_of("FinderOptions", fields) end
      assert(known or not call, full .. " takes anything: " .. tostring(said))
      for _, key in ipairs(known or {}) do
        local given, told = { [key] = false }, fields[key] or own[key]
        if name == "IndexOptions" then given = { fields = { "a" }, [key] = 1 } end
        local message = message_of(call, given)
        for _, part in ipairs(refused) do told = told or message:find(part, 1, true) end
        if not told then missing[#missing + 1] = full .. "." .. key end
      end
    end
    table.sort(missing)
    table.sort(wrong)
    assert.same({ missing = {}, wrong = {} }, { missing = missing, wrong = wrong })
  end)
end)
